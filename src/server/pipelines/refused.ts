/** Why a pipeline is refused, field by field. */
import { pathText } from '../../job/pipeline/check/problem.ts';
import { problemLine, type LocatedProblem } from '../../runner/pipeline/file/file.ts';
import { Refused } from '../problem.ts';

/** What is wrong with a pipeline, as a problem: every field, with line and column where it came as a text. */
export function refusedPipeline(problems: readonly LocatedProblem[], within = ''): Refused {
  const [first] = problems;
  const errors = problems.map(({ path, message, hint, at }) => ({
    field: [within, pathText(path)].filter((one) => one !== '').join('.') || 'body',
    came: '',
    allowed: hint === null ? message : `${message}; ${hint}`,
    ...(at === null ? {} : { line: at.line, column: at.column }),
  }));
  const detail = first === undefined ? 'it is not valid' : problemLine(first, null);
  return new Refused({
    status: 400,
    code: 'invalid_request',
    detail: within === '' ? detail : `${within}.${detail}`,
    errors,
  });
}
