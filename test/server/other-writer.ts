/** Another process that asks for a job, and rings nobody's bell. */
import { openSqliteStore } from '../../src/store/sqlite.ts';
import { sampleJob } from '../store/sample.ts';

const store = await openSqliteStore({ path: process.argv[2] ?? '' });
await store.createJob(sampleJob('job-of-another'));
await store.close();
