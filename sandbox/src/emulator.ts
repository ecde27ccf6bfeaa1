/** The AWS emulator's two ways to start: from options, and from the file that a sandbox wrote. */
export { runAwsEmulator } from './aws/main.ts';
export { awsSettings, startAws } from './aws-process.ts';
