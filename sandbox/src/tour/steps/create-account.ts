/** Tour step that creates the first account and follows it from the manifest to the proof in each target. */
import { GetRoleCommand } from '@aws-sdk/client-iam';
import { roleArnAnnotation } from '../../../../src/api/index.ts';
import { findCondition } from '../../../../src/k8s/conditions.ts';
import { resources, type KubeObject } from '../../../../src/kube/index.ts';
import type { TourStep } from '../tour.ts';
import {
  account,
  readOnly,
  namespaces,
  roleNameOf,
  subjectsOf,
  listing,
  writesOf,
  getAccount,
  attachedTo,
} from './observations.ts';

export const createAccount: TourStep = {
  title: 'kon account create: the account gets a role, links and a proof',
  async run(tour) {
    await tour.operatorCalls();
    await tour.commands.kon(['account', 'create', '--account', account], {
      typed: [
        { find: '^ *policyArns:.*(\\n *#.*)*(\\n *-.*)*', replace: `    policyArns:\n      - ${readOnly}` },
      ],
    });
    const calls = await tour.operatorCalls();
    const created = await getAccount(tour);
    const arn = created.status?.roleArn ?? '';
    tour.expect(
      'the account is Ready: its identity was proven in each target',
      findCondition(created.status?.conditions, 'Ready')?.status === 'True' &&
        created.status?.targets?.every((row) => row.linked && row.proven) === true &&
        created.status.targets.length === namespaces.length,
    );
    const { Role: role } = await tour.iam.send(new GetRoleCommand({ RoleName: roleNameOf(arn) }));
    const trust = decodeURIComponent(role?.AssumeRolePolicyDocument ?? '');
    tour.expect(
      'the role trusts exactly the ServiceAccounts of the targets',
      JSON.stringify(subjectsOf(trust)) ===
        JSON.stringify(namespaces.map((name) => `system:serviceaccount:${name}:${account}`)),
      trust,
    );
    tour.expect('the role has exactly the listed policy', (await attachedTo(tour, arn)).join() === readOnly);
    for (const namespace of namespaces) {
      const link = await tour.client.get<KubeObject>(resources.serviceAccounts, {
        namespace,
        name: account,
      });
      tour.expect(
        `ServiceAccount ${namespace}/${account} is annotated with the role`,
        link.metadata.annotations?.[roleArnAnnotation] === arn,
      );
    }
    tour.say(`the operator's calls to AWS: ${listing(calls)}`);
    tour.expect(
      'apart from the proofs, the operator made one call for the role and one for the policy',
      calls['iam:CreateRole'] === 1 && calls['iam:AttachRolePolicy'] === 1 && writesOf(calls) === 2,
      listing(calls),
    );
  },
};
