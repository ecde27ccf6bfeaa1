/**
 * Configuration of kwok, which simulates kubelets for nodes that do not exist. kwok has no default behaviour: these
 * stages define the transitions of nodes and pods.
 * https://kwok.sigs.k8s.io/docs/user/stages-configuration/
 */
import { stringify } from 'yaml';
import type { Program } from './controllers.ts';

const nodeName = 'node-1';

/** The node as it is created. A kwok stage fills in the node's status. */
export const node = {
  apiVersion: 'v1',
  kind: 'Node',
  metadata: {
    name: nodeName,
    labels: {
      'kubernetes.io/hostname': nodeName,
      'kubernetes.io/os': 'linux',
      'kubernetes.io/arch': 'amd64',
    },
  },
  spec: {},
} as const;

type Selector = { readonly key: string; readonly operator: string; readonly values?: readonly string[] };

function stage(name: string, kind: 'Node' | 'Pod', expressions: readonly Selector[], next: object): object {
  return {
    apiVersion: 'kwok.x-k8s.io/v1alpha1',
    kind: 'Stage',
    metadata: { name },
    spec: { resourceRef: { apiGroup: 'v1', kind }, selector: { matchExpressions: expressions }, next },
  };
}

const readyCondition = '.status.conditions.[] | select( .type == "Ready" ) | .status';
const alive: Selector = { key: '.metadata.deletionTimestamp', operator: 'DoesNotExist' };

/** @param kubeletPort port of the node's kubelet */
const nodeReady = (kubeletPort: number): object =>
  stage('node-ready', 'Node', [{ key: readyCondition, operator: 'NotIn', values: ['True'] }], {
    statusTemplate: `
{{ $now := Now }}
phase: Running
conditions:
- {type: Ready, status: "True", reason: KubeletReady, message: kwok plays the kubelet, lastHeartbeatTime: {{ Quote $now }}, lastTransitionTime: {{ Quote $now }}}
- {type: MemoryPressure, status: "False", reason: KubeletHasSufficientMemory, message: "", lastHeartbeatTime: {{ Quote $now }}, lastTransitionTime: {{ Quote $now }}}
- {type: DiskPressure, status: "False", reason: KubeletHasNoDiskPressure, message: "", lastHeartbeatTime: {{ Quote $now }}, lastTransitionTime: {{ Quote $now }}}
- {type: PIDPressure, status: "False", reason: KubeletHasSufficientPID, message: "", lastHeartbeatTime: {{ Quote $now }}, lastTransitionTime: {{ Quote $now }}}
daemonEndpoints: {kubeletEndpoint: {Port: ${kubeletPort}}}
addresses:
- {type: InternalIP, address: {{ Quote NodeIP }}}
- {type: Hostname, address: {{ Quote NodeName }}}
capacity: {cpu: "1000", memory: 1Ti, pods: "100000"}
allocatable: {cpu: "1000", memory: 1Ti, pods: "100000"}
nodeInfo:
  architecture: amd64
  operatingSystem: linux
  kubeletVersion: kwok-{{ Version }}
  kubeProxyVersion: kwok-{{ Version }}
  containerRuntimeVersion: kwok-{{ Version }}
  kernelVersion: ""
  osImage: ""
  bootID: ""
  machineID: ""
  systemUUID: ""
`,
  });

const podReady = stage(
  'pod-ready',
  'Pod',
  [
    alive,
    { key: '.status.phase', operator: 'In', values: ['Pending'] },
    { key: readyCondition, operator: 'NotIn', values: ['True'] },
  ],
  {
    statusTemplate: `
{{ $now := Now }}
{{ $ips := PodIPsWith .spec.nodeName (or .spec.hostNetwork false) (or .metadata.uid "") (or .metadata.name "") (or .metadata.namespace "") }}
phase: Running
startTime: {{ Quote $now }}
hostIP: {{ Quote (index (NodeIPsWith .spec.nodeName) 0) }}
podIP: {{ Quote (index $ips 0) }}
podIPs:
{{ range $ips }}
- ip: {{ Quote . }}
{{ end }}
conditions:
- {type: Initialized, status: "True", lastTransitionTime: {{ Quote $now }}}
- {type: ContainersReady, status: "True", lastTransitionTime: {{ Quote $now }}}
- {type: Ready, status: "True", lastTransitionTime: {{ Quote $now }}}
{{ range .spec.readinessGates }}
- {type: {{ Quote .conditionType }}, status: "True", lastTransitionTime: {{ Quote $now }}}
{{ end }}
containerStatuses:
{{ range .spec.containers }}
- name: {{ Quote .name }}
  image: {{ Quote .image }}
  imageID: ""
  ready: true
  started: true
  restartCount: 0
  state: {running: {startedAt: {{ Quote $now }}}}
{{ end }}
{{ if .spec.initContainers }}
initContainerStatuses:
{{ range .spec.initContainers }}
- name: {{ Quote .name }}
  image: {{ Quote .image }}
  imageID: ""
  ready: true
  restartCount: 0
{{ if eq (or .restartPolicy "") "Always" }}
  started: true
  state: {running: {startedAt: {{ Quote $now }}}}
{{ else }}
  state: {terminated: {exitCode: 0, reason: Completed, startedAt: {{ Quote $now }}, finishedAt: {{ Quote $now }}}}
{{ end }}
{{ end }}
{{ end }}
`,
  },
);

/** Completes a pod of a Job as soon as the pod runs. Any other pod runs until it is deleted. */
const podComplete = stage(
  'pod-complete',
  'Pod',
  [
    alive,
    { key: '.status.phase', operator: 'In', values: ['Running'] },
    { key: '.metadata.ownerReferences.[].kind', operator: 'In', values: ['Job'] },
  ],
  {
    statusTemplate: `
{{ $now := Now }}
phase: Succeeded
containerStatuses:
{{ range .spec.containers }}
- name: {{ Quote .name }}
  image: {{ Quote .image }}
  imageID: ""
  ready: false
  started: false
  restartCount: 0
  state: {terminated: {exitCode: 0, reason: Completed, startedAt: {{ Quote $now }}, finishedAt: {{ Quote $now }}}}
{{ end }}
`,
  },
);

/** Deletes pods without a grace period, because no process needs a grace period. */
const podDelete = stage('pod-delete', 'Pod', [{ key: '.metadata.deletionTimestamp', operator: 'Exists' }], {
  delete: true,
});

/**
 * kwok runs programs only for exec requests that name the pod `execPod`. No such pod exists. Its name is a secret, so
 * only a caller who knows the name can run a program.
 */
const exec = ({ execPod, env }: KwokOptions): object => ({
  apiVersion: 'kwok.x-k8s.io/v1alpha1',
  kind: 'ClusterExec',
  metadata: { name: 'exec' },
  spec: {
    selector: { matchNames: [execPod] },
    execs: [{ local: { envs: Object.entries(env).map(([name, value]) => ({ name, value })) } }],
  },
});

export type KwokOptions = {
  readonly kubeletPort: number;
  readonly execPod: string;
  /** Environment of the programs that kwok runs. */
  readonly env: Readonly<Record<string, string>>;
};

/**
 * Returns kwok's configuration. The caller must hide the configuration from other users of the machine, because any
 * reader could run programs through kwok.
 */
export function kwokConfig(options: KwokOptions): string {
  return [nodeReady(options.kubeletPort), podReady, podComplete, podDelete, exec(options)]
    .map((document) => stringify(document, { lineWidth: 0 }))
    .join('---\n');
}

export function kwok(command: string, kubeconfig: string, configFile: string, port: number): Program {
  return {
    command,
    args: [
      `--kubeconfig=${kubeconfig}`,
      `--config=${configFile}`,
      '--manage-all-nodes=true',
      '--node-ip=127.0.0.1',
      `--server-address=127.0.0.1:${port}`,
      // Makes kwok renew the node's Lease. Without renewals, the controller manager considers the node dead after a
      // minute.
      '--node-lease-duration-seconds=40',
    ],
  };
}
