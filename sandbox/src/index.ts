/**
 * Public interface of the package, and the only module that `kon` imports. Modules that only a few commands need are
 * imported inside functions, so that each command loads only what it needs.
 */
export { SandboxError } from './error.ts';
export { NoFolderError } from './make-folder.ts';
export {
  downSandbox,
  logNames,
  sandboxLogs,
  sandboxStatus,
  upSandbox,
  upSandboxDetached,
} from './sandbox.ts';
export { shellCommands, shellEnvironment } from './shell-environment.ts';
export type { PartStatus, SandboxDescription } from './supervisor/description.ts';
export { eventDisplay } from './supervisor/event-display.ts';
export { duration } from './supervisor/event-text.ts';
export { sandboxFolder, sandboxPaths } from './supervisor/paths.ts';
export { defaultSettings } from './supervisor/settings.ts';
export type { TourReport } from './tour/run-tour.ts';

export const loadConformance = () => import('./conformance/index.ts');
export const loadEmulator = () => import('./emulator.ts');
export const loadExec = () => import('./exec/exec.ts');
export const loadTour = () => import('./tour/run-tour.ts');
export const loadWebhook = () => import('./webhook/webhook.ts');

/**
 * Programs that the single-file executable contains in addition to `kon`, keyed by name. Importing a program runs the
 * program.
 */
export const companions: Readonly<Record<'s3-probe' | 'tour-editor', () => Promise<unknown>>> = {
  's3-probe': () => import('./bin/s3-probe.ts'),
  'tour-editor': () => import('./bin/tour-editor.ts'),
};
