/**
 * What a definition and an import look like, by language. Regular expressions and no parser: tree-sitter's grammars
 * are some megabytes each, and web-tree-sitter took 5.9 s for 27,700 files where ctags, which reads lines as this
 * does, took 1.5 s. A map needs the names at the margin, and a name that is missed costs little.
 */

/** How a language is read. */
export interface Language {
  /** Lines that may define something; each is looked at by `definitions`. */
  readonly lines: RegExp;
  /** Kind and expression, whose first group is the name. The first that matches counts. */
  readonly definitions: readonly (readonly [kind: string, RegExp])[];
  /** Its first group is what is imported. */
  readonly imports: RegExp | null;
  readonly comments: 'slashes' | 'hashes' | 'dashes';
}

const JS_NAME = '([A-Za-z_$][\\w$]*)';
const JS_HEAD = '^(?:export[ ]+)?(?:default[ ]+)?(?:declare[ ]+)?';

const javascript: Language = {
  lines:
    /^(?:export|async|function|class|abstract|declare|const|let|var|module\.exports|exports)\b[^\n]{0,300}/gm,
  definitions: [
    ['function', new RegExp(`${JS_HEAD}(?:async[ ]+)?function[ ]*\\*?[ ]*${JS_NAME}`)],
    ['class', new RegExp(`${JS_HEAD}(?:abstract[ ]+)?class[ ]+${JS_NAME}`)],
    [
      'type',
      new RegExp(`^export[ ]+(?:declare[ ]+)?(?:interface|type|(?:const[ ]+)?enum|namespace)[ ]+${JS_NAME}`),
    ],
    ['const', new RegExp(`^export[ ]+(?:declare[ ]+)?(?:const|let|var)[ ]+${JS_NAME}`)],
    [
      'function',
      new RegExp(`^(?:const|let|var)[ ]+${JS_NAME}[ ]*=[ ]*(?:async[ ]*)?(?:\\([^)]*\\)|[\\w$]+)[ ]*=>`),
    ],
    ['const', new RegExp(`^(?:module\\.)?exports\\.${JS_NAME}[ ]*=`)],
  ],
  imports: /(?:\bfrom|\bimport|\brequire\()[ ]*\(?["']([^"'\n]{1,200})["']/g,
  comments: 'slashes',
};

const python: Language = {
  lines: /^(?:(?:async )?def|class| {4}(?:async )?def|[A-Z][A-Z0-9_]*[ ]*(?::[^=\n]{1,80})?=)[^\n]{0,300}/gm,
  definitions: [
    ['method', /^ {4}(?:async )?def ([a-zA-Z]\w*)/],
    ['function', /^(?:async )?def (\w+)/],
    ['class', /^class (\w+)/],
    ['const', /^([A-Z][A-Z0-9_]*)/],
  ],
  imports: /^[ \t]*(?:from|import)[ ]+([\w.]{1,200})/gm,
  comments: 'hashes',
};

const go: Language = {
  lines: /^(?:func|type|var|const)\b[^\n]{0,300}/gm,
  definitions: [
    ['method', /^func \([^)]*\) ([A-Z]\w*)/],
    ['function', /^func (\w+)/],
    ['type', /^type (\w+)/],
    ['const', /^(?:var|const) ([A-Z]\w*)/],
  ],
  imports: /^(?:import)?[ \t]*(?:[\w.]+[ ])?"([^"\n]{1,200})"$/gm,
  comments: 'slashes',
};

const rust: Language = {
  lines:
    /^(?: {4})?(?:pub(?:\([^)\n]{1,40}\))?[ ]|fn|async|unsafe|struct|enum|trait|impl|mod|const|static|type|macro_rules!)[^\n]{0,300}/gm,
  definitions: [
    ['method', /^ {4}(?:pub(?:\([^)]*\))?[ ])(?:(?:async|unsafe|const|extern "C")[ ])*fn[ ](\w+)/],
    ['function', /^(?:pub(?:\([^)]*\))?[ ])?(?:(?:async|unsafe|const|extern "C")[ ])*fn[ ](\w+)/],
    ['type', /^(?:pub(?:\([^)]*\))?[ ])?(?:struct|enum|trait|type|union)[ ](\w+)/],
    ['module', /^(?:pub(?:\([^)]*\))?[ ])mod[ ](\w+)/],
    ['const', /^(?:pub(?:\([^)]*\))?[ ])(?:const|static)[ ](\w+)/],
    ['macro', /^macro_rules![ ](\w+)/],
  ],
  imports: /^[ \t]*(?:pub[ ])?(?:use[ ]+([\w:]{1,200})|mod[ ]+(\w+);)/gm,
  comments: 'slashes',
};

const MODIFIERS =
  '(?:(?:public|protected|internal|static|final|abstract|sealed|partial|open|data|override|virtual|async|readonly|suspend|inline|default|export)[ ]+)*';

const curly: Language = {
  lines:
    /^(?:[ ]{2,4}|\t)?(?:public|protected|internal|static|final|abstract|sealed|partial|open|data|class|interface|enum|record|struct|object|trait|fun|suspend|inline|override|namespace|protocol|extension|func|def|case class)\b[^\n]{0,300}/gm,
  definitions: [
    [
      'class',
      new RegExp(
        `^\\s*${MODIFIERS}(?:case )?(?:class|interface|enum(?: class)?|record|struct|object|trait|protocol|extension)[ ]+(\\w+)`,
      ),
    ],
    ['function', new RegExp(`^\\s*${MODIFIERS}(?:fun|func|def)[ ]+(?:<[^>]*>[ ]*)?(?:\\w+\\.)?(\\w+)`)],
    [
      'method',
      /^\s+(?:public|protected|internal)[ ](?:(?:static|final|abstract|async|virtual|override|synchronized|sealed)[ ])*[\w<>[\],.? ]{1,80}[ ](\w+)[ ]*\(/,
    ],
  ],
  imports: /^[ \t]*(?:import|using)[ ]+(?:static[ ]+)?([\w.]{1,200})/gm,
  comments: 'slashes',
};

const c: Language = {
  lines:
    /^(?:[A-Za-z_][\w\s*&:<>,~]{0,120}\(|#define[ ]+[A-Z]|typedef|struct|class|enum|union|namespace)[^\n]{0,300}/gm,
  definitions: [
    ['macro', /^#define[ ]+([A-Z]\w*)/],
    ['type', /^(?:typedef[ ]+)?(?:struct|class|enum(?: class)?|union|namespace)[ ]+(\w+)[^;(]*$/],
    [
      'function',
      /^(?!return|else|if|for|while|switch|case|typedef|do\b)[\w*&:<>,~ ]+?[ *&]([A-Za-z_][\w:~]*)\([^;]*$/,
    ],
  ],
  imports: /^#[ ]*include[ ]+["<]([^">\n]{1,200})[">]/gm,
  comments: 'slashes',
};

const ruby: Language = {
  lines: /^(?: {2}){0,2}(?:def|class|module)[ ][^\n]{0,300}/gm,
  definitions: [
    ['class', /^\s*(?:class|module)[ ]([\w:]+)/],
    ['method', /^\s*def[ ](?:self\.)?([\w?!=]+)/],
  ],
  imports: /^[ \t]*require(?:_relative)?[ (]+["']([^"'\n]{1,200})["']/gm,
  comments: 'hashes',
};

const php: Language = {
  lines:
    /^(?:[ ]{4}|\t)?(?:(?:abstract|final|readonly|public|protected|static)[ ])*(?:function|class|interface|trait|enum)[ ][^\n]{0,300}/gm,
  definitions: [
    ['class', /^(?:(?:abstract|final|readonly)[ ])*(?:class|interface|trait|enum)[ ](\w+)/],
    ['function', /^function[ ]&?(\w+)/],
    ['method', /^\s+(?:(?:abstract|final|public|protected|static)[ ])*function[ ]&?([a-zA-Z]\w*)/],
  ],
  imports: /^use[ ]+(?:function[ ]+)?([\w\\]{1,200})/gm,
  comments: 'slashes',
};

const elixir: Language = {
  lines: /^(?: {2})?(?:defmodule|def|defmacro|defprotocol)[ ][^\n]{0,300}/gm,
  definitions: [
    ['class', /^(?:defmodule|defprotocol)[ ]([\w.]+)/],
    ['function', /^\s*def(?:macro)?[ ]([\w?!]+)/],
  ],
  imports: /^[ \t]*(?:alias|import|use|require)[ ]+([\w.]{1,200})/gm,
  comments: 'hashes',
};

const shell: Language = {
  lines: /^(?:function[ ]+)?[A-Za-z_][\w-]*[ ]*(?:\(\)|\{)[^\n]{0,100}/gm,
  definitions: [['function', /^(?:function[ ]+)?([A-Za-z_][\w-]*)[ ]*\(\)/]],
  imports: null,
  comments: 'hashes',
};

const lua: Language = {
  lines: /^(?:local )?function[ ][^\n]{0,300}/gm,
  definitions: [['function', /^(?:local )?function[ ]([\w.:]+)/]],
  imports: /\brequire[ (]*["']([^"'\n]{1,200})["']/g,
  comments: 'dashes',
};

const sql: Language = {
  lines: /^create[ ][^\n]{0,300}/gim,
  definitions: [
    [
      'table',
      /^create[ ](?:or replace[ ])?(?:unique[ ])?(?:table|view|function|procedure|index|trigger)[ ](?:if not exists[ ])?["`]?([\w.]+)/i,
    ],
  ],
  imports: null,
  comments: 'dashes',
};

const LANGUAGES: Readonly<Record<string, Language>> = {
  js: javascript,
  mjs: javascript,
  cjs: javascript,
  jsx: javascript,
  ts: javascript,
  mts: javascript,
  cts: javascript,
  tsx: javascript,
  vue: javascript,
  svelte: javascript,
  py: python,
  pyi: python,
  go,
  rs: rust,
  java: curly,
  kt: curly,
  kts: curly,
  scala: curly,
  cs: curly,
  swift: curly,
  groovy: curly,
  dart: curly,
  c,
  h: c,
  cc: c,
  cpp: c,
  cxx: c,
  hpp: c,
  hh: c,
  m: c,
  rb: ruby,
  rake: ruby,
  php,
  ex: elixir,
  exs: elixir,
  sh: shell,
  bash: shell,
  lua,
  sql,
};

/** The language of a path by its ending; `null` for what is no source. */
export function languageOf(path: string): Language | null {
  const dot = path.lastIndexOf('.');
  if (dot <= path.lastIndexOf('/') + 1) return null;
  const ending = path.slice(dot + 1).toLowerCase();
  return Object.hasOwn(LANGUAGES, ending) ? (LANGUAGES[ending] ?? null) : null;
}
