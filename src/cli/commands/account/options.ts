/** Options of `kon account create` and `edit` for fields of an account. */
import type { Options, OptionValues } from '../../framework/command.ts';

/** Option whose values are IAM policies. */
export const policyOption = (summary: string) =>
  ({ value: 'POLICY', repeatable: true, summary, complete: 'policies' }) as const satisfies Options[string];

export const specOptions = {
  allow: {
    value: 'ACTION',
    repeatable: true,
    summary:
      'allow this IAM action, for example sqs:SendMessage, in a statement of the account; repeat for more',
  },
  on: {
    value: 'RESOURCE',
    repeatable: true,
    summary: 'with --allow: an ARN that the actions apply to, or *; repeat for more',
  },
  until: {
    value: 'TIME',
    summary: 'with --allow: the time when IAM stops allowing the actions, for example 2027-01-31T00:00:00Z',
  },
  description: {
    value: 'TEXT',
    summary: 'the description of the IAM role (default: a sentence that names the account and the cluster)',
  },
  boundary: {
    value: 'ARN',
    summary: "managed policy that is the role's permissions boundary",
    complete: 'policies',
  },
  'identity-mode': {
    value: 'MODE',
    choices: ['IRSA', 'PodIdentity'],
    summary: 'how pods get the role (default: the mode in the ClusterConfig)',
  },
  'deletion-policy': {
    value: 'POLICY',
    choices: ['Delete', 'Retain'],
    summary: 'what happens to the role when the account is deleted',
  },
} as const satisfies Options;

/** Values of `specOptions`. */
export type SpecOptions = OptionValues<typeof specOptions>;
