import { expect, it } from 'vitest';
import { createPodTrimmer } from './pod-trimmer.ts';
import { trimPod, type Pod } from './pod.ts';

const podOf = (name: string, roleArn: string, ready = true): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'production', uid: name, resourceVersion: '1' },
  spec: {
    serviceAccountName: 'shop',
    containers: [{ name: 'app', env: [{ name: 'AWS_ROLE_ARN', value: roleArn }] }],
  },
  status: { phase: 'Running', conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
});

it('the trimmer stores one shared copy of the parts that pods of one template have in common', () => {
  const trim = createPodTrimmer();
  const [a, b, other] = [podOf('a', 'arn:1'), podOf('b', 'arn:1'), podOf('c', 'arn:2', false)].map(trim);
  expect(a).toStrictEqual(trimPod(podOf('a', 'arn:1')));
  expect(b).toStrictEqual(trimPod(podOf('b', 'arn:1')));
  expect(other).toStrictEqual(trimPod(podOf('c', 'arn:2', false)));
  expect(b?.spec).toBe(a?.spec);
  expect(b?.status).toBe(a?.status);
  expect(other?.spec).not.toBe(a?.spec);
  expect(other?.status).not.toBe(a?.status);
});

it('the trimmer keeps the node name of each pod that uses the Pod Identity agent, and stores one shared copy of the other spec fields', () => {
  const trim = createPodTrimmer();
  const onNode = (name: string, nodeName: string): Pod => ({
    ...podOf(name, 'arn:1'),
    spec: {
      nodeName,
      containers: [{ name: 'app', env: [{ name: 'AWS_CONTAINER_CREDENTIALS_FULL_URI', value: 'x' }] }],
    },
  });
  const [a, b] = [onNode('a', 'node-1'), onNode('b', 'node-2')].map(trim);
  expect([a, b]).toStrictEqual([trimPod(onNode('a', 'node-1')), trimPod(onNode('b', 'node-2'))]);
  expect([a?.spec?.nodeName, b?.spec?.nodeName]).toEqual(['node-1', 'node-2']);
  expect(b?.spec?.containers).toBe(a?.spec?.containers);
});

it('the trimmer limits the number of pod parts that it remembers', () => {
  const trim = createPodTrimmer();
  const first = trim(podOf('a', 'arn:0'));
  for (let index = 1; index <= 10_000; index += 1) trim(podOf(`pod-${index}`, `arn:${index}`));
  const again = trim(podOf('a', 'arn:0'));
  expect(again).toStrictEqual(first);
  expect(again.spec).not.toBe(first.spec);
});
