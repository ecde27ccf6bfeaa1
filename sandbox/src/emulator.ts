/** Starts the AWS emulator from options, or from the file that a sandbox wrote. */
export { runAwsEmulator } from './aws/main.ts';
export { awsSettings, startAws } from './aws-process.ts';
