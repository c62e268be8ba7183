/** The tools of the built-in agent by name. */
import type { BuiltinTool } from '../../../job/agents/declared.ts';
import type { AgentPhase } from '../../../job/step.ts';
import { EDIT_TOOL, READ_TOOL, WRITE_TOOL } from './files.ts';
import { GREP_TOOL, LIST_TOOL } from './search.ts';
import { SHELL_TOOL } from './shell.ts';
import type { Tool } from './tool.ts';

const TOOLS: readonly Tool[] = [READ_TOOL, WRITE_TOOL, EDIT_TOOL, LIST_TOOL, GREP_TOOL, SHELL_TOOL];

/**
 * The tools that an agent has in a phase. Those that edit are not offered where it may only look; the shell is, since
 * the workspace is mounted read-only there.
 */
export function toolsOf(names: readonly BuiltinTool[], phase: AgentPhase): readonly Tool[] {
  return TOOLS.filter(({ name, kind }) => names.includes(name) && (phase === 'build' || kind !== 'edit'));
}
