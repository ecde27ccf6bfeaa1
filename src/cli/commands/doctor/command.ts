import { defineCommand } from '../../framework/command.ts';
import { parseDuration } from '../../framework/duration.ts';

export const doctorCommand = defineCommand({
  path: ['doctor'],
  summary: 'Check the cluster, the operator, AWS and this shell, and say what to do',
  description:
    'Makes checks, each with a page in docs/guides/doctor.md, and changes nothing. Asks the cluster and AWS with your own credentials; what you may not see is a warning. It exits with 0 when nothing is wrong, and with 1 when something is; warnings do not count.',
  options: [
    {
      name: 'wait',
      value: 'DURATION',
      parse: parseDuration,
      summary: 'make a check that fails again, until it passes or the time is over',
    },
    {
      name: 'operator-arn',
      value: 'ARN',
      summary:
        'who the operator is in IAM, a role or a user; the role of its ServiceAccount in the cluster when absent',
    },
  ],
  returns: 'checks',
  examples: [
    { does: 'See how everything is', command: 'kon doctor' },
    { does: 'After an installation, in CI', command: 'kon doctor --wait 5m -o short' },
    {
      does: 'Ids of what is wrong',
      command: `kon doctor -o json | jq -r '.checks[] | select(.status == "error").id'`,
    },
  ],
  run: async (context, { options }) => {
    const { doctorFlow } = await import('./handler.ts');
    return doctorFlow(context, options);
  },
});
