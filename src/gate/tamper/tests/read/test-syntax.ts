/** How each language writes tests, assertions and the markers that switch tests off. */
import type { TestLanguage } from '../test-files.ts';

/** What a marker does to a test. */
export type MarkerKind =
  | 'test_skipped'
  | 'test_focused'
  | 'early_exit'
  | 'assertion_replaced'
  | 'run_narrowed'
  | 'test_weakened';

/** Patterns of one language. All are matched against text whose comments and strings are blank. */
export interface TestSyntax {
  /** Where a test is defined; group 1 is its name where that is no string. */
  readonly definition: RegExp;
  /** A line that asserts something. */
  readonly assertion: RegExp;
  readonly markers: readonly (readonly [MarkerKind, RegExp])[];
  /** One definition for many cases: a rewrite to it makes fewer definitions without fewer tests. */
  readonly parametrised: RegExp;
}

/** What a test expects is set to what the code gives: `tt.want = Order(tt.jobs)`. */
const EXPECTS_WHAT_COMES: readonly [MarkerKind, RegExp] = [
  'test_weakened',
  /(?<![\w$.])\w{1,40}\.(?:want|expect)\w{0,40}\s*=(?!=)[^\n]{0,200}\w\(/g,
];

/** Patterns by language. */
export const TEST_SYNTAX: Readonly<Record<TestLanguage, TestSyntax>> = {
  js: {
    definition: /(?<![\w$.])(?:(?:t|Deno|QUnit)\.test|x?it|x?test|fit|specify)(?:\.\w+){0,4}\s*(?=[(`])/g,
    assertion:
      /\bexpect(?:TypeOf)?\s*\(|\bassert(?:\.\w+)*\s*\(|\bt\.(?:is|not|deepEqual|equal|equals|same|true|false|truthy|falsy|throws\w*|ok|like|assert\.\w+)\s*\(|\.should\b|(?<![\w$.])(?:strictEqual|deepStrictEqual|deepEqual|equal|ok|throws|rejects)\s*\(/,
    markers: [
      [
        'test_focused',
        /(?<![\w$.])(?:(?:it|test|describe|suite|context|specify|Deno\.test)(?:\.\w+){0,3}\.only\b|(?:fit|fdescribe|fcontext)\s*\()/g,
      ],
      [
        'test_skipped',
        /(?<![\w$.])(?:(?:it|test|describe|suite|context|specify|t\.test|Deno\.test)(?:\.\w+){0,3}\.(?:skip|todo|fails|failing|fixme|skipIf|runIf|ignore)\b|(?:xit|xtest|xdescribe|xcontext|xspecify)\s*\(|(?:this|t|ctx|context)\.(?:skip|todo)\s*\()/g,
      ],
      [
        'test_skipped',
        /(?<![\w$.])(?:it|test|describe|suite)\s*\([^\n{]{0,300}\{[^{}]{0,300}\b(?:skip|todo|fails|ignore)\s*:\s*(?!false\b|undefined\b)/g,
      ],
      [
        'test_focused',
        /(?<![\w$.])(?:it|test|describe|suite)\s*\([^\n{]{0,300}\{[^{}]{0,300}\bonly\s*:\s*(?!false\b|undefined\b)/g,
      ],
      [
        'test_skipped',
        /\bif\s*\([^()\n]{0,200}\b(?:process|import\.meta)\.env\b[^\n{;]{0,200}\)\s*\{?\s*return\b/g,
      ],
      [
        'assertion_replaced',
        /\b(?:const|let|var)\s+(?:test|it|describe|suite|specify|expect|assert|strictEqual|deepEqual|deepStrictEqual|equal|ok|throws)\s*(?::[^=\n]{0,100})?=\s*(?:async\s*)?(?:\([^()\n]{0,100}\)|\w{1,40})\s*=>\s*(?:\{\s*\}|undefined\b|null\b|void 0|true\b|0\s*[;\n]|Promise\.resolve\(\s*\))/g,
      ],
      [
        'assertion_replaced',
        /\bfunction\s+(?:test|it|describe|suite|specify|expect|assert|strictEqual|deepEqual|equal|ok)\s*\([^()\n]{0,100}\)\s*\{\s*\}/g,
      ],
      [
        'assertion_replaced',
        /\b(?:const|let|var)\s+(?:expect|assert)\s*=\s*(?:\{|new\s+Proxy\b)|\b(?:const|let|var)\s+expect\s*=\s*(?:\([^()\n]{0,100}\)|\w{1,40})\s*=>\s*\(\s*\{/g,
      ],
      [
        'assertion_replaced',
        /\b(?:assert(?:\.strict)?\.\w{1,40}|expect\.\w{1,40}|(?:globalThis|global)\.(?:test|it|describe|expect|assert))\s*=\s*(?:async\s*)?(?:\([^()\n]{0,100}\)|\w{1,40})\s*=>\s*(?:\{\s*\}|undefined\b|null\b|void 0|true\b)/g,
      ],
      EXPECTS_WHAT_COMES,
      ['early_exit', /\bprocess\.(?:exit|reallyExit)\s*\(\s*0?\s*\)|\bprocess\.exitCode\s*=\s*0\b/g],
    ],
    parametrised: /\b(?:it|test|describe)(?:\.\w+){0,3}\.(?:each|for)\b/g,
  },
  python: {
    definition: /^[ \t]*(?:async[ \t]+)?def[ \t]+(test\w*)[ \t]*\(/gm,
    assertion:
      /^\s*assert\b|\bself\.(?:assert\w+|fail\w*)\s*\(|\bpytest\.(?:raises|warns|fail|approx)\b|\.assert_\w+\s*\(|\bassert_\w+\s*\(/,
    markers: [
      [
        'test_skipped',
        /\bpytest\.mark\.(?:skip|skipif|xfail)\b|@(?:unittest\.)?(?:skip|skipIf|skipUnless|expectedFailure)\b|\bpytest\.(?:skip|xfail|importorskip)\s*\(|\bself\.skipTest\s*\(|\braise\s+(?:unittest\.)?SkipTest\b|\b__test__\s*=\s*False\b/g,
      ],
      ['run_narrowed', /\bcollect_ignore(?:_glob)?\s*=/g],
      [
        'run_narrowed',
        /\bdef\s+(?:pytest_collection_modifyitems|pytest_ignore_collect|pytest_runtest_\w+|pytest_pyfunc_call|pytest_sessionfinish|load_tests)\s*\(/g,
      ],
      ['test_skipped', /\bif\s[^\n:]{0,200}\b(?:os\.environ|getenv)\b[^\n:]{0,200}:\s*return\b/g],
      [
        'assertion_replaced',
        /^[ \t]*def\s+assert\w{0,60}\s*\([^()\n]{0,200}\)[^:\n]{0,80}:\s*(?:pass|\.\.\.|return(?:[ \t]+(?:True|None))?)[ \t]*$|\bassert\w{1,60}\s*=\s*lambda\b|\bTestCase\.\w{1,60}\s*=(?!=)|\bself\.(?:assert|fail)\w{0,60}\s*=(?!=)/gm,
      ],
      ['test_weakened', /\.addTypeEqualityFunc\s*\(/g],
      EXPECTS_WHAT_COMES,
      [
        'early_exit',
        /\b(?:os\._exit|sys\.exit)\s*\(\s*0?\s*\)|\bpytest\.exit\s*\(|(?<![\w.])(?:exit|quit)\s*\(\s*0?\s*\)/g,
      ],
    ],
    parametrised: /\bparametrize\s*\(|\bsubTest\s*\(|@parameterized\b/g,
  },
  go: {
    definition: /^func[ \t]+((?:Test|Fuzz|Example)\w*)[ \t]*\(/gm,
    assertion:
      /\b[tb]\.(?:Error|Errorf|Fatal|Fatalf|Fail|FailNow)\s*\(|\b(?:assert|require|is|qt|check)\.\w+\s*\(/,
    markers: [
      ['test_skipped', /\b[tb]\.(?:Skip|Skipf|SkipNow)\s*\(/g],
      ['test_skipped', /\bif\s[^\n{]{0,200}\bos\.(?:Getenv|LookupEnv)\b[^\n{]{0,200}\{\s*return\b/g],
      ['assertion_replaced', /\b[tb]\s*:?=\s*(?:&testing\.[TB]\s*\{|new\s*\(\s*testing\.[TB]\s*\))/g],
      ['test_weakened', /\bdefer\s+func\s*\(\s*\)\s*\{\s*(?:_\s*=\s*)?recover\s*\(\s*\)\s*;?\s*\}/g],
      ['test_weakened', /^func[ \t]*\([^()\n]{1,80}\)[ \t]*(?:Errorf|Fatalf?|Fail|FailNow)[ \t]*\(/gm],
      EXPECTS_WHAT_COMES,
      ['early_exit', /\bos\.Exit\s*\(\s*0\s*\)/g],
    ],
    parametrised: /\b[tb]\.Run\s*\(/g,
  },
  rust: {
    definition:
      /#\[(?:\w+::){0,3}(?:test|rstest|test_case)\b[^\]\n]{0,200}\](?:\s|#\[[^\]\n]{0,200}\]){0,10}(?:pub(?:\([^)]*\))?\s+)?(?:async\s+)?fn\s+(\w+)/g,
    assertion: /\b(?:debug_|prop_)?assert\w*!\s*[([]|\bpanic!\s*\(|\bshould_panic\b|\bunreachable!\s*\(/,
    markers: [
      [
        'test_skipped',
        /#\[\s*ignore\b|#\[\s*cfg_attr\([^\]\n]{0,200}\bignore\b|#\[\s*cfg\(\s*(?:any\(\s*\)|FALSE|not\(\s*test\s*\))\s*\)/g,
      ],
      [
        'test_skipped',
        /\bif\s[^\n{]{0,200}\b(?:env::var\w{0,10}|option_env!)\s*\([^\n{]{0,200}\{\s*return\b/g,
      ],
      [
        'test_weakened',
        /\.join\(\s*\)\s*\.\s*ok\(\s*\)\s*;|\blet\s+_\w{0,40}\s*=\s*[\w.]{1,80}\.join\(\s*\)\s*;/g,
      ],
      EXPECTS_WHAT_COMES,
      ['assertion_replaced', /\bmacro_rules!\s*(?:debug_)?assert\w{0,40}/g],
      ['early_exit', /\bprocess::exit\s*\(\s*0\s*\)/g],
    ],
    parametrised: /#\[\s*(?:case|test_case|values|rstest)\b/g,
  },
  java: {
    definition:
      /@(?:Test|ParameterizedTest|RepeatedTest|TestFactory|Property)\b(?!\w)[^{};]{0,600}?(?:\bvoid|\bfun|>)\s+(`[^`\n]*`|\w+)\s*\(|\bpublic\s+void\s+(test\w+)\s*\(\s*\)/g,
    assertion:
      /\bassert\w*\s*[({]|\bassert\s|\bfail\s*\(|\bverify\w*\s*\(|\bexpected\s*=|\.(?:isEqualTo|isTrue|isFalse|shouldBe)\s*\(|\bshould\w*\b/,
    markers: [
      [
        'test_skipped',
        /@(?:Disabled\w*|Ignore)\b|\b(?:Assumptions\.|Assume\.)?assume(?:True|False|That|No\w+)\s*\(|\benabled\s*=\s*false\b/g,
      ],
      ['test_skipped', /\bif\s*\([^\n{]{0,200}\bSystem\.getenv\b[^\n{]{0,200}\)\s*\{?\s*return\b/g],
      [
        'assertion_replaced',
        /\bvoid\s+assert\w{1,60}\s*\([^()]{0,200}\)\s*\{\s*\}|\bfun\s+assert\w{1,60}\s*\([^()]{0,200}\)\s*(?::\s*Unit\s*)?(?:=\s*Unit\b|\{\s*\})/g,
      ],
      ['early_exit', /\bSystem\.exit\s*\(\s*0\s*\)|\bRuntime\.getRuntime\(\)\.halt\s*\(/g],
    ],
    parametrised: /@(?:ParameterizedTest|ValueSource|MethodSource|CsvSource)\b/g,
  },
  csharp: {
    definition: /\[(?:Fact|Theory|Test|TestMethod|TestCase)\b[^{};]{0,600}?\b(?:void|Task)\s+(\w+)\s*\(/g,
    assertion: /\bAssert\.\w+|\.Should\s*\(|\.Verify\w*\s*\(/,
    markers: [
      [
        'test_skipped',
        /\b(?:Fact|Theory)\s*\([^)\n]{0,200}\bSkip\b|\[\s*(?:Ignore|Explicit)\b|\bAssert\.(?:Ignore|Inconclusive|Skip)\b|\bSkip\.If/g,
      ],
      ['test_skipped', /\bif\s*\([^\n{]{0,200}\bGetEnvironmentVariable\b[^\n{]{0,200}\)\s*\{?\s*return\b/g],
      ['assertion_replaced', /\bclass\s+Assert\b/g],
      ['early_exit', /\bEnvironment\.Exit\s*\(\s*0\s*\)/g],
    ],
    parametrised: /\[\s*(?:InlineData|TestCase|MemberData|DataRow)\b/g,
  },
  ruby: {
    definition: /^[ \t]*def[ \t]+(test_\w+)|^[ \t]*(?:x?it|x?specify|scenario|test|fit)\b(?=[ \t(]*['"])/gm,
    assertion: /\b(?:assert|refute)\w*\b|\bexpect\s*[({]|\.should\b|\b(?:must|wont)_\w+/,
    markers: [
      ['test_focused', /^[ \t]*(?:fit|fdescribe|fcontext)\b|,\s*:?focus\b/gm],
      [
        'test_skipped',
        /^[ \t]*(?:xit|xdescribe|xcontext|xspecify|pending|skip)\b|,\s*:?(?:skip|pending)\b/gm,
      ],
      ['test_skipped', /^[ \t]*(?:return|next)\s+(?:if|unless)\s[^\n]{0,200}\bENV\b/gm],
      [
        'assertion_replaced',
        /^[ \t]*def[ \t]+(?:self\.)?(?:assert\w{0,60}|refute\w{0,60}|expect|it|test)\b[^\n;]{0,200}(?:;|\n)\s*(?:(?:true|nil)\s*)?end\b/gm,
      ],
      ['early_exit', /(?<![\w.:])exit!?(?:\s*\(?\s*(?:0|true)\s*\)?)?\s*$/gm],
    ],
    parametrised: /\bshared_examples\b|\bit_behaves_like\b/g,
  },
  php: {
    definition:
      /\bfunction\s+(test\w*)\s*\(|#\[Test\][^{};]{0,300}?\bfunction\s+(\w+)|(?<![\w$>:])(?:it|test)\s*(?=\(\s*['"])/g,
    assertion: /\bassert\w*\s*\(|\bexpectException\w*\s*\(|\bexpect\s*\(/,
    markers: [
      ['test_skipped', /\bmarkTest(?:Skipped|Incomplete)\s*\(|->(?:skip|todo)\s*\(/g],
      ['test_focused', /->only\s*\(/g],
      ['test_skipped', /\bif\s*\([^\n{]{0,200}\bgetenv\b[^\n{]{0,200}\)\s*\{?\s*return\b/g],
      ['assertion_replaced', /\bfunction\s+assert\w{1,60}\s*\([^()]{0,200}\)[^{};]{0,60}\{\s*\}/g],
      ['early_exit', /\b(?:exit|die)\s*(?:\(\s*0?\s*\))?\s*;/g],
    ],
    parametrised: /@dataProvider\b|\bDataProvider\b|->with\s*\(/g,
  },
  elixir: {
    definition: /^[ \t]*test\b(?=[ \t(]*")/gm,
    assertion: /\b(?:assert|refute)\w*\b/,
    markers: [
      ['test_skipped', /@(?:module|describe)?tag\s+:?skip\b/g],
      ['assertion_replaced', /^[ \t]*def(?:macro|p)?[ \t]+(?:assert|refute)\b/gm],
      ['early_exit', /\bSystem\.(?:halt|stop)\s*\(\s*0?\s*\)/g],
    ],
    parametrised: /\bfor\s+.*<-.*\bdo\b/g,
  },
};

const SAME = String.raw`([\w.'"]{1,80})`;
/** Assertions that hold whatever the code does. */
const TAUTOLOGIES: readonly RegExp[] = [
  new RegExp(String.raw`\bexpect\(\s*${SAME}\s*\)\.to(?:Be|Equal|StrictEqual|Eq)\(\s*\1\s*\)`),
  /\bexpect\(\s*(?:true|1|!0)\s*\)\.(?:toBeTruthy|toBeDefined|to\.be\.ok|to\.be\.true)\b/,
  /\b(?:assert|assert\.ok|ok|self\.assertTrue|assertTrue|Assert\.(?:True|IsTrue)|\$this->assertTrue|t\.true|t\.ok|t\.pass)\s*\(\s*(?:true|True|1)?\s*[),]/,
  /\b(?:assert|require)\.True\(\s*t\s*,\s*true\b/,
  /\bassert!\(\s*true\b/,
  // Jest's and vitest's matchers are functions: naming one asserts nothing.
  /\bexpect\([^\n]{0,500}\)(?:\.not)?\.to[A-Z]\w*\s*(?:;|$)/,
  /^\s*assert\s+(?:True|true|1|not False|1\s*==\s*1)\s*(?:$|,|;)/,
  new RegExp(
    String.raw`\b(?:assert\w*!?|assertEquals?|strictEqual|equal|deepEqual|Assert\.\w*Equal)\(\s*(?:t\s*,\s*)?${SAME}\s*,\s*\1\s*[,)]`,
    'i',
  ),
];

/** Whether an assertion, strings included, says nothing about the code. */
export function isTautology(statement: string): boolean {
  return TAUTOLOGIES.some((pattern) => pattern.test(statement));
}
