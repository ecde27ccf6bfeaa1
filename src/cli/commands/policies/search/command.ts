import { partitionNames } from '../../../../api/partition-names.ts';
import { wholeNumber } from '../../../framework/options.ts';
import { defineCommand } from '../../../framework/command.ts';

export const policiesSearchCommand = defineCommand({
  description:
    'Searches the catalogue of AWS managed policies in kon. Needs neither AWS nor a cluster. Words can be in any order, and letters can be omitted.',
  positionals: { text: { required: true, variadic: true, summary: 'words or initials of the name' } },
  options: {
    limit: {
      value: 'N',
      default: '20',
      summary: 'maximum number of results',
      parse: wholeNumber('a number of policies', 1, 9999),
    },
    partition: {
      value: 'PARTITION',
      default: 'aws',
      choices: partitionNames,
      summary: 'partition of the ARNs',
    },
  },
  returns: 'list',
  examples: {
    'Policies for S3': 'kon policies search s3 read',
    'Print the ARN of the best match, for a script': 'kon policies search s3roa -o name --limit 1',
  },
  run: async (context, { args, options }) =>
    (await import('./handler.ts')).searchFlow(context, { text: args.text.join(' '), ...options }),
});
