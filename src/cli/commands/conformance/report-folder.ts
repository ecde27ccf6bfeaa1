/** Creates the folder of `--report` and writes the reports. */
import { access, constants, mkdir, writeFile } from 'node:fs/promises';
import { resolve, join } from 'node:path';
import { errorMessage } from '../../../k8s/errors.ts';
import { usageError } from '../../framework/errors.ts';

export type ReportFolder = {
  readonly write: (run: string, texts: { readonly markdown: string; readonly json: string }) => Promise<void>;
};

/** Creates the folder. @throws CliError of code USAGE if the folder is not writable */
export async function openReportFolder(cwd: string, path: string): Promise<ReportFolder> {
  const folder = resolve(cwd, path);
  try {
    await mkdir(folder, { recursive: true });
    await access(folder, constants.W_OK);
  } catch (error) {
    throw usageError(
      `cannot write the report to ${folder}: ${errorMessage(error)}`,
      'Choose another folder.',
    );
  }
  return {
    async write(run, { markdown, json }) {
      await writeFile(join(folder, `conformance-${run}.md`), markdown);
      await writeFile(join(folder, `conformance-${run}.json`), json);
    },
  };
}
