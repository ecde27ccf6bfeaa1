import { defineCommand } from '../../../framework/command.ts';
import { usageError } from '../../../framework/errors.ts';
import { stateDirOption } from '../engine.ts';

export const sandboxExecCommand = defineCommand({
  description:
    'The node of the sandbox is simulated, so there is no container to enter. The program runs on this machine with the variables of the container and a token that the API server issues for that pod and its ServiceAccount. The program gets no other AWS credentials or configuration, and connects to the emulator. Exits with the exit code of the program.',
  positionals: {
    pod: {
      required: true,
      summary: 'name of the pod, or deploy/NAME for any running pod of a Deployment',
    },
    command: { variadic: true, summary: 'the program and its arguments, after --' },
  },
  options: {
    namespace: {
      short: 'n',
      value: 'NAME',
      default: 'default',
      summary: 'namespace of the pod',
      complete: 'targets',
    },
    container: {
      short: 'c',
      value: 'NAME',
      summary: 'container whose variables are used (default: the first)',
    },
    log: {
      summary:
        'also write the output of the program to the log of the pod, for kon app logs and kubectl logs',
    },
    ...stateDirOption,
  },
  examples: {
    'Show the AWS identity of a pod':
      'kon sandbox exec deploy/myapp -n production -- aws sts get-caller-identity',
    'See the variables': 'kon sandbox exec myapp-6c9f7d-x2x7k -n production -- env',
  },
  run: async (context, { args, options }) => {
    const [program, ...rest] = args.command;
    if (program === undefined)
      throw usageError(
        'no program given',
        'Pass the program after --, for example: kon sandbox exec POD -- env',
      );
    const { execute } = await import('./handler.ts');
    return execute(context, { ...options, pod: args.pod, command: [program, ...rest] });
  },
});
