import { readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Agent } from '../../src/agent/agent.ts';
import { createCommandAgent, type CommandAgentOptions } from '../../src/agent/command.ts';
import { Cancelled, JobError } from '../../src/job/error.ts';
import { shellWord } from '../../src/job/text/shell.ts';
import type { SandboxName } from '../../src/sandbox/sandbox.ts';
import { openBench, whySkip } from './bench.ts';

const needs = { readOnlyPaths: [], mounts: [], env: {} };
const make = (command: string, more: Partial<CommandAgentOptions> = {}): Agent =>
  createCommandAgent({ command, needs, ...more });

for (const name of ['host', 'bubblewrap'] satisfies SandboxName[]) {
  describe(`command agent on ${name}`, async () => {
    const reason = await whySkip(name);
    if (reason !== null) {
      it.skip(reason, () => {});
      return;
    }
    onSandbox(name);
  });
}

function onSandbox(name: SandboxName): void {
  it('gives the prompt on stdin, closed after it', async () => {
    const prompt = `Größe 🚀 "quotes" $HOME \`x\`\n${'y'.repeat(1024 * 1024)}`;
    const bench = await openBench(name, make('cat > prompt.txt'));
    await bench.runOk({ prompt });
    expect(await bench.read('prompt.txt')).toBe(prompt);
  });

  it('gives the prompt in a file instead, with stdin closed, as often as it is named', async () => {
    const prompt = `first line\n${"it's 'quoted'\n".repeat(80_000)}`;
    const command =
      'cat {prompt_file} > a.txt; cat - {prompt_file} > b.txt; ls -l {prompt_file} | cut -c1-10';
    const bench = await openBench(name, make(command));
    const reply = await bench.runOk({ prompt });
    expect(await bench.read('a.txt')).toBe(prompt);
    expect(await bench.read('b.txt')).toBe(prompt);
    expect(reply.summary).toBe('-rw-------');
  });

  it('works when the agent never reads the prompt', async () => {
    const bench = await openBench(name, make('exec <&-; echo done'));
    expect((await bench.runOk({ prompt: 'x'.repeat(1024 * 1024) })).summary).toBe('done');
  });

  it('tells phase, model and where to write', async () => {
    const agent = make('echo "$AGENT_RUNNER_PHASE $AGENT_RUNNER_MODEL $EXTRA"; [ -w "$AGENT_RUNNER_OUT" ]', {
      env: { EXTRA: 'yes', AGENT_RUNNER_PHASE: 'forged' },
    });
    const bench = await openBench(name, agent);
    expect((await bench.runOk({ model: 'some/model' })).summary).toBe('build some/model yes');
  });

  it.runIf(name === 'bubblewrap')('stands below our shell, and takes no reaper beside it', async () => {
    // How a crash is told is the same for both: see below.
    const bench = await openBench(name, make('echo "$PPID"'));
    expect((await bench.runOk()).summary).toBe('1');
  });

  it('takes summary and question from their files, anew in every turn', async () => {
    const command =
      'echo noise; if read -r line && [ "$line" = ask ]; then echo "I did it." > "$AGENT_RUNNER_OUT/summary.md"; printf "Which one?\\n" > "$AGENT_RUNNER_OUT/question.md"; fi';
    const bench = await openBench(name, make(command));
    expect(await bench.runOk({ prompt: 'ask\n' })).toMatchObject({
      summary: 'I did it.',
      question: 'Which one?',
    });
    expect(await bench.runOk({ prompt: 'other\n' })).toMatchObject({ summary: 'noise', question: null });
    expect(await bench.list()).toEqual([]);
  });

  it('does not follow links, hang on pipes or read without end in notes', async () => {
    const secret = make(
      'ln -s /etc/passwd "$AGENT_RUNNER_OUT/summary.md"; mkfifo "$AGENT_RUNNER_OUT/question.md"; echo mine',
    );
    const bench = await openBench(name, secret);
    expect(await bench.runOk()).toMatchObject({ summary: 'mine', question: null });
    const huge = make(
      'yes longlonglong | head -c 50000000 > "$AGENT_RUNNER_OUT/summary.md"; echo " " > "$AGENT_RUNNER_OUT/question.md"',
    );
    const reply = await (await openBench(name, huge)).runOk();
    expect(reply.summary.length).toBeLessThanOrEqual(4096);
    expect(reply.summary).toContain('longlonglong');
    expect(reply.question).toBeNull();
  });

  it('cleans what it says of terminal sequences and control characters', async () => {
    const command = String.raw`printf '\033[31mred\033[0m \033]0;title\007\000bell\010\n'; printf 'ask\033[2J me' > "$AGENT_RUNNER_OUT/question.md"`;
    const reply = await (await openBench(name, make(command))).runOk();
    // oxlint-disable-next-line no-control-regex -- control characters are what must be gone
    expect(`${reply.summary}${reply.question}`).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f]/);
    expect(reply.summary).toContain('red');
    expect(reply.question).toBe('ask me');
  });

  it('ends with bounded memory when a gigabyte is printed', async () => {
    const bench = await openBench(name, make('yes | head -c 1000000000; echo; echo the end'));
    const before = process.memoryUsage().rss;
    const reply = await bench.runOk();
    expect(process.memoryUsage().rss - before).toBeLessThan(300 * 1024 * 1024);
    expect(reply.summary.endsWith('the end')).toBe(true);
    expect(reply.summary.length).toBeLessThanOrEqual(4096);
    expect(bench.events.length).toBeLessThan(5000);
    expect(JSON.stringify(bench.events).length).toBeLessThan(12 * 1024 * 1024);
    expect(bench.events.some((event) => Number(event.data['dropped']) > 0)).toBe(true);
    expect((await stat(bench.logPath)).size).toBeLessThanOrEqual(65 * 1024 * 1024);
  });

  it('shows what is printed while it works, and keeps it in the log', async () => {
    const bench = await openBench(name, make('echo one; sleep 0.2; echo two >&2; sleep 0.2; printf three'));
    await bench.runOk();
    expect(bench.events.map(({ type, data }) => [type, data['stream'], data['text']])).toEqual([
      ['log', 'stdout', 'one'],
      ['log', 'stderr', 'two'],
      ['log', 'stdout', 'three'],
    ]);
    expect(await readFile(bench.logPath, 'utf8')).toContain('one\ntwo\nthree');
  });

  it('names a programme that is missing, and where it must be named', async () => {
    for (const command of ['no-such-agent --print', '/nowhere/agent', './README.md']) {
      const bench = await openBench(name, make(command), { 'README.md': 'x\n' });
      const reply = await bench.run();
      expect(reply).toMatchObject({ ok: false, error: { code: 'agent_failed' } });
      if (reply.ok) continue;
      expect(reply.error.message).toContain(command);
      expect(reply.error.hint).toContain(command.startsWith('./') ? 'chmod +x' : 'sandbox.ro_paths');
    }
  });

  it('tells a crash by its signal', async () => {
    const reply = await (await openBench(name, make('echo last words; kill -SEGV $$'))).run();
    expect(reply).toMatchObject({ ok: false, error: { code: 'agent_failed' } });
    if (!reply.ok) expect(reply.error.message).toMatch(/^the agent was killed by SIGSEGV: last words$/);
  });

  it('runs with the rights that files have otherwise, and leaves nothing behind without a further command', async () => {
    const bench = await openBench(name, make('umask; cat {prompt_file}; ls -A "$HOME" > names.txt'));
    const mask = process.umask().toString(8).padStart(4, '0');
    expect((await bench.runOk({ prompt: 'the prompt' })).summary).toBe(`${mask}\nthe prompt`);
    expect(await bench.read('names.txt')).toMatch(/^\.agent-runner-/);
    // Only the command's own wrapper has run: what follows a turn looks for notes in vain.
    expect(bench.commands()).toBe(1);
    expect(await bench.sandbox.homeHas((await bench.read('names.txt')).trim())).toBe(false);
  });

  it('takes words about its home for a claim, but where the wrapper ended with them', async () => {
    const line = 'echo "agent-runner: the home directory can not be written" >&2; exit 3';
    const reply = await (await openBench(name, make(line))).run();
    expect(reply).toMatchObject({ ok: false, error: { code: 'agent_failed' } });
    if (!reply.ok) expect(reply.error.message).toMatch(/^the agent exited with 3/);
  });

  it('ends an agent that is silent for too long', async () => {
    const bench = await openBench(name, make('echo start; sleep 600'));
    const reply = await bench.run({ idleTimeoutMs: 700 });
    expect(reply).toMatchObject({ ok: false, error: { code: 'timed_out', blame: 'user' } });
    if (!reply.ok) expect(reply.error.message).toContain('nothing for 0.7 s');
  });

  it('leaves no process, whether it ends or is cancelled, and though one ignores SIGTERM', async () => {
    const background = "(trap '' TERM; while :; do sleep 0.2; done) > /dev/null 2>&1 & (sleep 600 &)";
    const ends = await openBench(name, make(`${background}; echo done`));
    expect((await ends.runOk()).summary).toBe('done');
    expect(await ends.leftovers()).toEqual([]);
    const stays = await openBench(name, make(`${background}; echo up; wait`));
    const controller = new AbortController();
    const ended = expect(stays.run({}, controller.signal)).rejects.toThrow(Cancelled);
    await expect.poll(() => stays.events.length, { timeout: 10_000 }).toBeGreaterThan(0);
    controller.abort();
    await ended;
    expect(await stays.leftovers()).toEqual([]);
  });

  it('reports a home directory that the agent has spoilt, and goes on', async () => {
    const bench = await openBench(
      name,
      make('rm -rf "$HOME"/* "$HOME"/.[a-z]* 2>/dev/null; echo spoilt > "$HOME/out"; echo ok'),
    );
    expect((await bench.runOk()).summary).toBe('ok');
    expect((await bench.runOk()).summary).toBe('ok');
  });
}

describe('command agent', () => {
  it('reads no note through a link at the place of its directory', async () => {
    const command = 'rmdir "$AGENT_RUNNER_OUT"; ln -s "$PWD/fake" "$AGENT_RUNNER_OUT"; echo own';
    const bench = await openBench('host', make(command), { 'fake/summary.md': 'from the workspace\n' });
    await writeFile(join(bench.workspace, 'x'), '');
    await symlink('x', join(bench.workspace, 'y'));
    // It is the agent's own text either way, read with the agent's own rights: nothing is gained by a link.
    expect(['own', 'from the workspace']).toContain((await bench.runOk()).summary);
    expect(await bench.list()).toEqual(['fake/summary.md', 'x', 'y']);
  });

  it('refuses an empty command', () => {
    expect(() => make('  ')).toThrow(JobError);
  });

  it('quotes any text as one word', async () => {
    const text = `it's "a" $HOME \`x\` \\ *\n;rm -rf x`;
    const bench = await openBench('host', make(`printf %s ${shellWord(text)}`));
    expect((await bench.runOk()).summary).toBe(text);
  });
});
