/** Checks of Ruby, PHP and Elixir repositories. */
import { collect, type Collector, type Detection } from './detection.ts';
import { firstPath, type RepoFiles } from '../files.ts';
import { parsePackageJson } from '../project/package-json.ts';

function addRuby(files: RepoFiles, out: Collector): void {
  const has = (pattern: RegExp): string | undefined => files.paths.find((path) => pattern.test(path));
  const gemfile = firstPath(files, ['Gemfile']);
  const bundled = gemfile === null ? '' : 'bundle exec ';
  if (firstPath(files, ['.rubocop.yml']) !== null) {
    out.add({
      name: 'rubocop',
      kind: 'lint',
      command: `${bundled}rubocop`,
      what: '.rubocop.yml',
      why: 'it is configured',
    });
  }
  const spec = has(/^spec\/.*_spec\.rb$/);
  if (spec !== undefined) {
    out.add({ name: 'rspec', kind: 'test', command: `${bundled}rspec`, what: spec, why: 'RSpec tests' });
    return;
  }
  const test = has(/^test\/.*(?:_test|\/test_\w+|^test\/test_\w+)\.rb$/) ?? has(/^test\/test_\w+\.rb$/);
  if (test === undefined) return;
  if (firstPath(files, ['bin/rails']) !== null) {
    out.add({
      name: 'rails-test',
      kind: 'test',
      command: 'ruby bin/rails test',
      what: test,
      why: 'a Rails application',
    });
  } else if (firstPath(files, ['Rakefile']) !== null) {
    out.add({
      name: 'rake-test',
      kind: 'test',
      command: `${bundled}rake test`,
      what: test,
      why: 'a Rakefile and tests',
    });
  } else {
    const command = `${bundled}ruby -Itest -Ilib -e 'Dir["test/**/{*_test,test_*}.rb"].sort.each { |file| require "./#{file}" }'`;
    out.add({
      name: 'ruby-test',
      kind: 'test',
      command,
      what: test,
      why: 'tests, and nothing that runs them',
    });
  }
}

async function addPhp(files: RepoFiles, out: Collector): Promise<void> {
  const text = await files.read('composer.json');
  const phpunit = firstPath(files, ['phpunit.xml', 'phpunit.xml.dist', 'phpunit.dist.xml']);
  if (text === null && phpunit === null) return;
  const phpstan = firstPath(files, ['phpstan.neon', 'phpstan.neon.dist', 'phpstan.dist.neon']);
  if (phpstan !== null) {
    out.add({
      name: 'phpstan',
      kind: 'types',
      command: 'vendor/bin/phpstan analyse --no-progress',
      what: phpstan,
      why: 'it is configured',
    });
  }
  const fixer = firstPath(files, ['.php-cs-fixer.php', '.php-cs-fixer.dist.php']);
  if (fixer !== null) {
    out.add({
      name: 'php-cs-fixer',
      kind: 'format',
      command: 'vendor/bin/php-cs-fixer check',
      what: fixer,
      why: 'it is configured',
    });
  }
  if (files.paths.includes('tests/Pest.php')) {
    out.add({
      name: 'pest',
      kind: 'test',
      command: 'vendor/bin/pest',
      what: 'tests/Pest.php',
      why: 'Pest tests',
    });
  } else if (phpunit !== null) {
    out.add({
      name: 'phpunit',
      kind: 'test',
      command: 'vendor/bin/phpunit',
      what: phpunit,
      why: 'it is configured',
    });
  } else if (text !== null && parsePackageJson(text)?.scripts['test'] !== undefined) {
    out.add({
      name: 'composer-test',
      kind: 'test',
      command: 'composer run-script test',
      what: 'composer.json scripts.test',
      why: 'its test script',
    });
  }
}

function addElixir(files: RepoFiles, out: Collector): void {
  if (!files.paths.includes('mix.exs')) return;
  if (files.paths.includes('.formatter.exs')) {
    out.add({
      name: 'mix-format',
      kind: 'format',
      command: 'mix format --check-formatted',
      what: '.formatter.exs',
      why: 'it is configured',
    });
  }
  if (files.paths.includes('.credo.exs')) {
    out.add({
      name: 'credo',
      kind: 'lint',
      command: 'mix credo',
      what: '.credo.exs',
      why: 'it is configured',
    });
  }
  out.add({ name: 'mix-test', kind: 'test', command: 'mix test', what: 'mix.exs', why: 'a Mix project' });
}

/** Checks of Ruby, PHP and Elixir. */
export async function detectScripting(files: RepoFiles): Promise<Detection> {
  const out = collect();
  addRuby(files, out);
  await addPhp(files, out);
  addElixir(files, out);
  return out.done();
}
