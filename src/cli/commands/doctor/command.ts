import { defineCommand } from '../../framework/command.ts';
import { parseDuration } from '../../framework/duration.ts';

export const doctorCommand = defineCommand({
  description:
    'Runs the checks of docs/guides/doctor.md and changes nothing. Uses your own credentials for the cluster and AWS; if you lack a permission that a check needs, the check reports a warning. Exits with 0 if no check fails and 1 otherwise; warnings are not failures.',
  options: {
    wait: {
      value: 'DURATION',
      parse: parseDuration,
      summary: 'repeat failed checks until they succeed, for at most this time',
    },
    'operator-arn': {
      value: 'ARN',
      summary: "the operator's role or user in IAM (default: the role of its ServiceAccount)",
    },
  },
  returns: 'checks',
  examples: {
    'Run all checks': 'kon doctor',
    'Check an installation in CI': 'kon doctor --wait 5m -o short',
    'Print the ids of failed checks': `kon doctor -o json | jq -r '.checks[] | select(.status == "error").id'`,
  },
  run: async (context, { options }) => (await import('./handler.ts')).doctorFlow(context, options),
});
