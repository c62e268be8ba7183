/** Files that are no database, are damaged, are somebody else's or come from the future. */
import {
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, test } from 'vitest';
import { JobError } from '../../src/job/error.ts';
import { JOB_STATUSES, OUTCOMES } from '../../src/job/status.ts';
import { openSqliteStore } from '../../src/store/sqlite.ts';
import { SCHEMA_VERSION } from '../../src/store/sqlite/migrate.ts';
import { rejected } from '../contract/store.ts';
import { testDirectory } from './directory.ts';
import { sampleEvent, sampleJob, sampleRequest, T0 } from './sample.ts';

describe('opening', () => {
  test('a text file is refused by its path, with what to do, and is not touched', async () => {
    const path = join(testDirectory(), 'notes.txt');
    writeFileSync(path, 'these are my notes, and not a database\n'.repeat(100));
    const error = await rejected(openSqliteStore({ path }), 'infra_failed');
    expect(error.message).toContain(path);
    expect(error.message).toContain('no SQLite database');
    expect(error.hint).toContain('restore-db');
    expect(readFileSync(path, 'utf8')).toBe('these are my notes, and not a database\n'.repeat(100));
  });

  test('a row whose text was damaged is named as that, with what to do', async () => {
    const path = join(testDirectory(), 'runner.db');
    const store = await openSqliteStore({ path });
    await store.createJob(sampleJob('job-1'));
    await store.appendEvents('job-1', [sampleEvent('a')]);
    await store.close();
    const db = new DatabaseSync(path);
    db.exec(`UPDATE events SET data = '{"text"?'; UPDATE jobs SET request = '{'`);
    db.close();
    const again = await openSqliteStore({ path });
    for (const reading of [again.readEvents('job-1', 0, 10), again.getJob('job-1')]) {
      const error = await rejected(reading, 'infra_failed');
      expect(error.message).toContain('is damaged');
      expect(error.hint).toContain('restore-db');
    }
    await again.close();
  });

  test('a database of a newer version is refused by both versions, and is not touched', async () => {
    const path = join(testDirectory(), 'runner.db');
    await (await openSqliteStore({ path })).close();
    const raw = new DatabaseSync(path);
    raw.exec(`PRAGMA user_version = ${SCHEMA_VERSION + 41}`);
    raw.close();
    const before = createHash('sha256').update(readFileSync(path)).digest('hex');
    const error = await rejected(openSqliteStore({ path }), 'bad_configuration');
    expect(error.message).toContain(`version ${SCHEMA_VERSION + 41}`);
    expect(error.message).toContain(`up to ${SCHEMA_VERSION}`);
    expect(error.hint).toContain('upgrade');
    expect(createHash('sha256').update(readFileSync(path)).digest('hex')).toBe(before);
  });

  test("another program's database is refused and not touched", async () => {
    const path = join(testDirectory(), 'places.sqlite');
    const raw = new DatabaseSync(path);
    raw.exec('CREATE TABLE bookmarks (url TEXT); PRAGMA user_version = 77');
    raw.close();
    const before = readFileSync(path);
    const error = await rejected(openSqliteStore({ path }), 'bad_configuration');
    expect(error.message).toContain('another program');
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  test('an empty file, as left by a process killed at once, becomes a database', async () => {
    const path = join(testDirectory(), 'runner.db');
    writeFileSync(path, '');
    const store = await openSqliteStore({ path });
    await store.createJob(sampleJob('job-1'));
    await store.close();
  });

  test('a directory, a path below a file and no path at all are refused', async () => {
    const directory = testDirectory();
    writeFileSync(join(directory, 'file'), '');
    mkdirSync(join(directory, 'folder'));
    for (const name of ['folder', 'file/runner.db']) {
      const path = join(directory, name);
      const error = await rejected(openSqliteStore({ path }), 'infra_failed');
      expect(error.message).toContain(path);
      expect(error.hint).not.toBeNull();
    }
    for (const path of ['', ':memory:', 'a\0b'])
      await rejected(openSqliteStore({ path }), 'bad_configuration');
  });

  test('a name that looks like a URI is a file name', async () => {
    const path = join(testDirectory(), 'file:x?mode=memory');
    const store = await openSqliteStore({ path });
    await store.createJob(sampleJob('job-1'));
    await store.close();
    expect(statSync(path).size).toBeGreaterThan(0);
  });

  test('ten at once on a new file make one schema', async () => {
    const path = join(testDirectory(), 'runner.db');
    const stores = await Promise.all(Array.from({ length: 10 }, () => openSqliteStore({ path })));
    await Promise.all(stores.map((store, i) => store.createJob(sampleJob(`job-${i}`))));
    expect(await stores[0]?.listJobs({ limit: 100 })).toHaveLength(10);
    await Promise.all(stores.map((store) => store.close()));
  });

  test('two that both found no schema, and then waited for the lock, make one', async () => {
    const path = join(testDirectory(), 'runner.db');
    const other = new DatabaseSync(path);
    other.exec('PRAGMA journal_mode = WAL; BEGIN IMMEDIATE');
    const opening = Promise.all([openSqliteStore({ path }), openSqliteStore({ path })]);
    await new Promise((resolve) => setTimeout(resolve, 200));
    other.exec('ROLLBACK');
    other.close();
    const [a, b] = await opening;
    await a.createJob(sampleJob('job-1'));
    expect((await b.getJob('job-1'))?.job_id).toBe('job-1');
    await Promise.all([a.close(), b.close()]);
  });

  test('damaged pages are named as such, in every page that we break', async () => {
    const directory = testDirectory();
    const whole = join(directory, 'whole.db');
    const store = await openSqliteStore({ path: whole });
    await store.createJob(sampleJob('job-1'));
    await store.appendEvents(
      'job-1',
      Array.from({ length: 400 }, (_, i) => sampleEvent('x'.repeat(500) + i)),
    );
    await store.close();
    const pages = statSync(whole).size / 4096;
    let noticed = 0;
    for (let page = 0; page < pages; page++) {
      const path = join(directory, `broken-${page}.db`);
      copyFileSync(whole, path);
      const file = openSync(path, 'r+');
      writeSync(file, Buffer.alloc(4096, 0xa5), 0, 4096, page * 4096);
      closeSync(file);
      try {
        const broken = await openSqliteStore({ path });
        try {
          const log = await broken.readEvents('job-1', 0, 1000);
          await broken.appendEvents('job-1', [sampleEvent('y')]);
          await broken.getJob('job-1');
          await broken.listJobs({ search: 'typo', limit: 1 });
          // Where nothing was noticed, the damage was in no page that these read.
          expect(log.map((event) => event.data['text'])).toEqual(
            Array.from({ length: 400 }, (_, i) => 'x'.repeat(500) + i),
          );
        } finally {
          await broken.close();
        }
      } catch (error) {
        if (!(error instanceof JobError)) throw error;
        expect(error).toMatchObject({ code: 'infra_failed' });
        expect(error.message).toContain(path);
        expect(error.message).toContain('damaged');
        expect(error.hint).toContain('back-up');
        noticed++;
      }
    }
    expect(pages).toBeGreaterThan(20);
    expect(noticed).toBeGreaterThan(pages / 2);
  });

  test('nothing is left open after a refusal', async () => {
    const path = join(testDirectory(), 'notes.txt');
    writeFileSync(path, 'no database '.repeat(1000));
    await rejected(openSqliteStore({ path }), 'infra_failed');
    expect(existsSync(`${path}-wal`)).toBe(false);
    if (process.platform !== 'linux') return;
    const open = readdirSync('/proc/self/fd').map((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`);
      } catch {
        return 'closed meanwhile';
      }
    });
    expect(open).not.toContain(path);
  });
});

describe('the schema', () => {
  /** A database as version 1 left it, with a job that waits, one that ended, and one whose texts are damaged. */
  function versionOne(path: string): void {
    const raw = new DatabaseSync(path);
    raw.exec(readFileSync(join(import.meta.dirname, 'version-1.sql'), 'utf8'));
    const insert = raw.prepare(
      `INSERT INTO jobs (job_id, status, outcome, repo, created_ms, procedure_version, attempt, branch, created_at,
         updated_at, request, result) VALUES (?, ?, ?, ?, ?, 1, 1, ?, ?, ?, ?, ?)`,
    );
    const add = (
      id: string,
      status: string,
      outcome: string | null,
      request: string,
      result: string | null,
    ): void => {
      const time = T0.toISOString();
      insert.run(id, status, outcome, '/srv/repo', T0.getTime(), `bot/${id}`, time, time, request, result);
    };
    const request = JSON.stringify(sampleRequest());
    const result = { total_cost: 2, total_tokens_in: 3, total_tokens_out: 4, turns: 1 };
    add('job-1', 'queued', null, request, null);
    add('job-2', 'completed', 'proposed', request, JSON.stringify(result));
    add('job-3', 'queued', null, '{"repo": ', '{"total_cost": ');
    raw
      .prepare('INSERT INTO events (job_number, seq, type, attempt, time, data) VALUES (1, 1, ?, 1, ?, ?)')
      .run('log', T0.toISOString(), '{"text":"a"}');
    raw.close();
  }

  test('of version 1 is brought up to date by whoever comes first, with what is in it', async () => {
    const path = join(testDirectory(), 'runner.db');
    versionOne(path);
    const [one, other] = await Promise.all([openSqliteStore({ path }), openSqliteStore({ path })]);
    expect(await one.getJob('job-1')).toEqual(sampleJob('job-1'));
    expect(await one.readEvents('job-1', 0, 10)).toHaveLength(1);
    expect(await other.listDeliveries('job-1')).toEqual([]);
    // What waited then is in the queue now.
    const claim = { owner: 'w', leaseMs: 1000, now: new Date(), perRepo: null };
    expect((await one.claimNext(claim))?.job.job_id).toBe('job-1');
    expect(await other.claimNext(claim)).toBeNull();
    expect(await one.sumUsage({ by: 'agent', since: null, limit: 9 })).toMatchObject([
      { key: 'patch', jobs: 2, unpriced: 0, cost_usd: 2, tokens_in: 3, tokens_out: 4 },
      { key: null, jobs: 1 },
    ]);
    // And is found by its words, where they can be read.
    const found = await one.listJobs({ search: 'typo', limit: 9 });
    expect(found.map((job) => job.job_id)).toEqual(['job-2', 'job-1']);
    await one.close();
    await other.close();
  });

  // Migration 1 derives its checks from these lists. A published migration never changes: when this fails, add
  // a migration that rebuilds the table with the new check, and then note the new lists here.
  test('was made from the statuses and outcomes of today', () => {
    const made = Object.entries(OUTCOMES).map(([outcome, { status }]) => `${outcome}:${status}`);
    expect({ version: SCHEMA_VERSION, statuses: JOB_STATUSES.join(' '), outcomes: made.join(' ') }).toEqual({
      version: 11,
      statuses: 'queued forking triggered running retrying needs_input completed failed cancelled',
      outcomes:
        'pr_opened:completed pr_updated:completed proposed:completed no_change:completed answered:completed ' +
        'gate_failed:failed gave_up:failed tampered:failed agent_failed:failed budget_exceeded:failed ' +
        'timed_out:failed setup_failed:failed refused:failed infra_failed:failed cancelled:cancelled',
    });
  });
});
