import { defineCommand } from '../../../framework/command.ts';
import { accountOption, namesArgument, requiredNames } from '../../../framework/options.ts';

export const accountVerifyCommand = defineCommand({
  description:
    'Requests a token of each ServiceAccount from the API server and exchanges it with STS, as an SDK in a pod does. A session policy removes all permissions of these credentials, and the command discards the credentials. Needs the right to create serviceaccounts/token, and no AWS credentials. With Pod Identity, exchanges the token of one running pod with EKS Auth, if a Pod Identity agent is ready on the nodes of all pods of the target; this needs AWS credentials, the right to list pods in kube-system and, if a node has no agent pod, the right to get that node. Exits with 0 if all targets are proven, 1 if a target is not proven, and above 1 if the result cannot be determined.',
  positionals: {
    ...namesArgument('account', 'name of the account; several accounts are verified one after the other'),
  },
  options: { ...accountOption },
  isQuestion: true,
  returns: 'records',
  examples: {
    'Verify an account after a manual change in IAM': 'kon account verify myaccount',
    'Several accounts': 'kon account verify myaccount otheraccount',
    'In a script': 'kon account verify myaccount -o json',
  },
  run: async (context, { args, options }) => {
    const { verifyFlow } = await import('./handler.ts');
    return verifyFlow(context, requiredNames('account', args.name, options.account));
  },
});
