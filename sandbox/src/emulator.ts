/** Starts the AWS emulator from options, or with settings from a file that a sandbox wrote. */
export { startStandaloneEmulator } from './aws/standalone.ts';
export { emulatorSettings, startConfiguredEmulator } from './configured-emulator.ts';
