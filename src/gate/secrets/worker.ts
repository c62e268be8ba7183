/** The thread that scans, so that a text made to be slow costs a thread and never the runner's event loop. */
import { parentPort, workerData } from 'node:worker_threads';
import { scanAdded, type ScannedText } from './scan.ts';

/** What the thread is started with. */
export interface ScanOrder {
  readonly files: readonly ScannedText[];
  readonly maxFindings: number;
}

const { files, maxFindings } = workerData as ScanOrder;
// Nothing is transferred; the empty list says so.
parentPort?.postMessage(await scanAdded(files, maxFindings), []);
