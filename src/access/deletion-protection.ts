/** Keeps what is marked as protected from being deleted, whoever asks: the mark has to be taken off first. */
import { apps, clusterConfigs, linkedServiceAccounts, protectedMark } from '../api/index.ts';
import { admissionPolicy, type AdmissionPolicy } from './admission-policy.ts';

const marked = (of: string): string =>
  `oldObject.metadata.?${of}[?'${protectedMark}'].orValue('false') != 'false'`;

export const protectionPolicy: AdmissionPolicy = admissionPolicy('protected.k11n.dev', {
  matchConstraints: {
    resourceRules: [
      {
        apiGroups: [linkedServiceAccounts.group],
        apiVersions: ['*'],
        operations: ['DELETE'],
        resources: [linkedServiceAccounts.plural, apps.plural, clusterConfigs.plural],
      },
    ],
  },
  validations: [
    {
      expression: `!(${marked('annotations')} || ${marked('labels')})`,
      message: `it is protected from deletion: take its label or annotation ${protectedMark} off first`,
      messageExpression: `oldObject.kind + ' ' + oldObject.metadata.name + ' is protected from deletion: take its label or annotation ${protectedMark} off first'`,
      reason: 'Forbidden',
    },
  ],
});
