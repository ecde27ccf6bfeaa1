/**
 * State of a running sandbox. `kon sandbox status -o json` prints it, so its field names are part of the public
 * contract.
 */
import { z } from 'zod';

export const partNames = [
  'etcd',
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'kwok',
  'aws',
  'webhook',
  'operator',
] as const;
export type PartName = (typeof partNames)[number];

export const partStatus = z.object({
  name: z.enum(partNames),
  version: z.string(),
  pid: z.int(),
  running: z.boolean(),
  /** Exit code or signal with which the process ended. */
  exit: z.object({ code: z.int().nullable(), signal: z.string().nullable() }).optional(),
  /** Resident memory in bytes; 0 if the process does not run or the system does not report its memory. */
  rssBytes: z.int(),
  /** Path of the part's log file. */
  log: z.string(),
});
export type PartStatus = z.infer<typeof partStatus>;

export const awsCredentials = z.object({ accessKeyId: z.string(), secretAccessKey: z.string() });
export type AwsCredentials = z.infer<typeof awsCredentials>;

export const sandboxDescription = z.object({
  /** `starting` until everything is ready; `degraded` if a part has ended without being stopped. */
  state: z.enum(['starting', 'running', 'degraded', 'stopping']),
  name: z.string(),
  /** Id of the process that runs the sandbox. */
  pid: z.int(),
  /** Start time of the sandbox in RFC 3339 format. */
  startedAt: z.string(),
  folder: z.string(),
  region: z.string(),
  accountId: z.string(),
  /** Issuer of ServiceAccount tokens. */
  issuer: z.string(),
  /** URL of the API server. */
  server: z.string(),
  /** Path of the administrator's kubeconfig. */
  kubeconfig: z.string(),
  /** Path of a kubectl with the version of the cluster. */
  kubectl: z.string(),
  awsEndpoint: z.string(),
  /** Credentials of the emulator's administrator. */
  credentials: awsCredentials,
  /** Credentials of the Pod Identity agent on the node. */
  nodeCredentials: awsCredentials,
  parts: z.array(partStatus),
});
export type SandboxDescription = z.infer<typeof sandboxDescription>;
