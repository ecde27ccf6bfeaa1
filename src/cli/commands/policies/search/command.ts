import { partitionNames } from '../../../../api/partitions.ts';
import { wholeNumber } from '../../../framework/options.ts';
import { defineCommand } from '../../../framework/command.ts';

export const policiesSearchCommand = defineCommand({
  path: ['policies', 'search'],
  summary: 'Find managed policies of AWS by their names',
  description:
    'Searches the catalogue that comes with kon; asks neither AWS nor a cluster. Words may be in any order, and letters may be left out.',
  positionals: [{ name: 'text', required: true, variadic: true, summary: 'words or initials of the name' }],
  options: [
    {
      name: 'limit',
      value: 'N',
      default: '20',
      summary: 'how many to show at most',
      parse: wholeNumber('a number of policies', 1, 9999),
    },
    {
      name: 'partition',
      value: 'PARTITION',
      default: 'aws',
      choices: partitionNames,
      summary: 'whose ARNs to show',
    },
  ],
  returns: 'list',
  examples: [
    { does: 'What there is for S3', command: 'kon policies search s3 read' },
    {
      does: 'The ARN of the best one, for a script',
      command: 'kon policies search s3roa -o name --limit 1',
    },
  ],
  run: async (context, { args, options }) => {
    const { searchFlow } = await import('./handler.ts');
    return searchFlow(context, { text: args.text.join(' '), ...options });
  },
});
