import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { expectReports, type Folders } from '../../../src/gate/reports/collect.ts';
import { createTally, type RanTests } from '../../../src/gate/reports/ran.ts';
import { readReportText } from '../../../src/gate/reports/report-text.ts';

function read(text: string): RanTests | null {
  const tally = createTally();
  readReportText(text, tally);
  return tally.done('report', null);
}

const JUNIT = (name: string): string =>
  `<?xml version="1.0"?><testsuite name="s"><testcase classname="C" name="${name}"/></testsuite>`;

describe('formats', () => {
  test('JUnit XML: failures, errors, skipped, entities, comments and CDATA', () => {
    const ran = read(`<?xml version="1.0" encoding="utf-8"?>
      <!-- <testcase name="commented"/> -->
      <testsuites name="pytest tests"><testsuite name="pytest" tests="6">
      <testcase classname="tests.test_a.T" name="test_bad"><failure message="1 > 2 &quot;x&quot;"><![CDATA[<testcase name="in data"/>]]></failure></testcase>
      <testcase classname="tests.test_a.T" name="test_boom"><error/></testcase>
      <testcase classname="tests.test_a.T" name="test_&lt;ok&gt;&#x41;" />
      <testcase classname="tests.test_a.T" name='single "quoted"'></testcase>
      <testcase name="test_sk" classname="tests.test_a.T"><skipped message="r"/></testcase>
      <testcase classname="tests.test_a.T" name="not run" status="notrun"/>
      </testsuite></testsuites>`);
    expect(ran).toMatchObject({
      passed: ['tests.test_a.T > single "quoted"', 'tests.test_a.T > test_<ok>A'],
      failed: ['tests.test_a.T > test_bad', 'tests.test_a.T > test_boom'],
      skipped: ['tests.test_a.T > not run', 'tests.test_a.T > test_sk'],
      counts: { passed: 2, failed: 2, skipped: 2 },
      named: true,
    });
  });

  test('a document type is refused: no entity is ever declared', () => {
    const bomb = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>';
    expect(read(`<?xml version="1.0"?>${bomb}${JUNIT('&b;')}`)).toBeNull();
    expect(read(JUNIT('&b;'))?.passed).toEqual(['s > C > &b;']);
  });

  test.each([
    ['an open tag', '<testsuite name="s"><testcase name="a'],
    ['an open comment', '<testsuite><!-- <testcase name="a"/>'],
    ['many open angles', '<'.repeat(200_000)],
    ['deep suites', '<testsuite name="s">'.repeat(50_000)],
    ['one long attribute', `<testcase name="${'x'.repeat(2_000_000)}`],
    ['broken JSON', '{"testResults": ['],
    ['JSON of another shape', '{"testResults": 7}'],
    ['null', 'null'],
  ])('%s is no test', (_what, text) => {
    expect(read(text)).toBeNull();
  });

  test('jest and vitest JSON; a file that did not load counts as failed', () => {
    const report = {
      testResults: [
        {
          name: 'a.test.js',
          status: 'failed',
          assertionResults: [
            { ancestorTitles: ['s'], title: 'adds', status: 'passed' },
            { ancestorTitles: [], title: 'breaks', status: 'failed' },
            { ancestorTitles: [], title: 'later', status: 'pending' },
          ],
        },
        { name: 'b.test.js', status: 'failed', assertionResults: [] },
      ],
    };
    expect(read(JSON.stringify(report))).toMatchObject({
      passed: ['a.test.js > s > adds'],
      failed: ['a.test.js > breaks', 'b.test.js'],
      skipped: ['a.test.js > later'],
    });
  });

  test('mocha JSON, go events, TAP', () => {
    const mocha = {
      stats: {},
      passes: [{ fullTitle: 's a' }],
      failures: [{ fullTitle: 's b' }],
      pending: [],
    };
    expect(read(JSON.stringify(mocha))).toMatchObject({ passed: ['s a'], failed: ['s b'] });
    const go =
      '{"Action":"pass","Package":"p","Test":"TestA"}\n{"Action":"skip","Package":"p","Test":"TestB"}\n';
    expect(read(go)).toMatchObject({ passed: ['p: TestA'], skipped: ['p: TestB'] });
    expect(read('TAP version 14\n1..1\nnot ok 1 - adds\n')).toMatchObject({ failed: ['adds'] });
  });
});

describe('report files of a checkout', () => {
  let root = '';
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'reports-'));
    for (const name of ['tree', 'home', 'outside']) mkdirSync(join(root, name));
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  const folders = (below: readonly string[] = []): Folders => ({
    workspace: join(root, 'tree'),
    below,
    home: join(root, 'home'),
  });
  function write(path: string, text: string): void {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
    // Plainly after the run began, whatever the file system's clock resolves.
    const later = Date.now() / 1000 + 5;
    utimesSync(join(root, path), later, later);
  }

  test('what the run writes is read; what was there before is no evidence', async () => {
    writeFileSync(join(root, 'tree', 'old.xml'), JUNIT('committed'));
    utimesSync(join(root, 'tree', 'old.xml'), 1, 1);
    const reports = await expectReports(folders(), '/home', {}, '*.xml');
    write('tree/new.xml', JUNIT('fresh'));
    expect((await reports.read())?.passed).toEqual(['s > C > fresh']);
  });

  test('a named path, and pytest’s own file in HOME', async () => {
    const named = await expectReports(folders(), '/home', {}, 'out/report.xml');
    write('tree/out/report.xml', JUNIT('named'));
    expect((await named.read())?.passed).toEqual(['s > C > named']);
    const pytest = await expectReports(folders(), '/my home', { PYTEST_ADDOPTS: '-x' }, undefined);
    expect(pytest.env).toEqual({
      PYTEST_ADDOPTS: "-x --junitxml='/my home/.agent-runner-reports/pytest.xml'",
    });
    write('home/.agent-runner-reports/pytest.xml', JUNIT('pytest'));
    expect((await pytest.read())?.passed).toEqual(['s > C > pytest']);
  });

  test('Maven’s and Gradle’s files are found where such a build is', async () => {
    const none = await expectReports(folders(), '/home', {}, undefined);
    write('tree/core/target/surefire-reports/TEST-A.xml', JUNIT('maven'));
    write('tree/app/build/test-results/test/TEST-B.xml', JUNIT('gradle'));
    expect(await none.read()).toBeNull();
    writeFileSync(join(root, 'tree', 'pom.xml'), '<project/>');
    expect((await none.read())?.passed).toEqual(['s > C > gradle', 's > C > maven']);
    // Of a copy-on-write checkout only what was written lies in the folder; the build file lies below.
    rmSync(join(root, 'tree', 'pom.xml'));
    writeFileSync(join(root, 'outside', 'pom.xml'), '<project/>');
    const over = await expectReports(folders([join(root, 'outside')]), '/home', {}, undefined);
    write('tree/core/target/surefire-reports/TEST-A.xml', JUNIT('again'));
    expect((await over.read())?.passed).toContain('s > C > again');
  });

  test('no link leads out of the tree: a file, a folder, HOME’s folder', async () => {
    write('outside/secret.xml', JUNIT('secret'));
    mkdirSync(join(root, 'outside', 'target'));
    const byPath = await expectReports(folders(), '/home', {}, 'link.xml');
    const byFolder = await expectReports(folders(), '/home', {}, 'linked/secret.xml');
    const byGlob = await expectReports(folders(), '/home', {}, '**/*.xml');
    symlinkSync(join(root, 'outside', 'secret.xml'), join(root, 'tree', 'link.xml'));
    symlinkSync(join(root, 'outside'), join(root, 'tree', 'linked'));
    rmSync(join(root, 'home', '.agent-runner-reports'), { recursive: true });
    symlinkSync(join(root, 'outside'), join(root, 'home', '.agent-runner-reports'));
    write('outside/pytest.xml', JUNIT('secret'));
    for (const reports of [byPath, byFolder, byGlob]) expect(await reports.read()).toBeNull();
  });

  test('a pipe in a report’s place holds nobody up', async () => {
    const reports = await expectReports(folders(), '/home', {}, 'pipe.xml');
    execFileSync('mkfifo', [join(root, 'tree', 'pipe.xml')]);
    expect(await reports.read()).toBeNull();
  });

  test('what is larger than the bound is not read', async () => {
    const reports = await expectReports(folders(), '/home', {}, 'big.xml');
    write('tree/big.xml', `${JUNIT('a')}${' '.repeat(33 * 1024 * 1024)}`);
    expect(await reports.read()).toBeNull();
  });
});
