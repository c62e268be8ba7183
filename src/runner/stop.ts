/** The last resort of a door: nothing that was started outlives this process. */
import { killAllProcesses } from '../sandbox/process.ts';

/** Kills every running command at once, without waiting and without saving. */
export function stopEverything(): void {
  killAllProcesses();
}
