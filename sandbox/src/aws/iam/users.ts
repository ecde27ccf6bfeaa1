/** IAM users, which exist from the start and are read-only. */
import { optional, shape, text } from '../wire/shape.ts';
import type { IamAction } from './env.ts';
import { iamAction } from './env.ts';
import { noSuchEntity, validationError } from './errors.ts';
import * as fields from './fields.ts';
import { pageOfList } from './paging.ts';
import { userCore } from './render.ts';

const getUser = iamAction({
  name: 'GetUser',
  access: 'read',
  input: shape({ UserName: optional(text({ min: 1, max: 128 })) }),
  subject: (input, state) => ({
    arn:
      input.UserName === undefined
        ? state.arn('user/*')
        : (state.user(input.UserName)?.arn ?? state.arn(`user/${input.UserName}`)),
  }),
  run: (input, { state, caller }) => {
    if (input.UserName === undefined && caller.kind !== 'user') {
      throw validationError('Must specify userName when calling with non-User credentials');
    }
    const name = input.UserName ?? caller.identityArn.slice(caller.identityArn.lastIndexOf('/') + 1);
    const user = state.user(name);
    if (!user) throw noSuchEntity(`The user with name ${name} cannot be found.`);
    return { User: userCore(user) };
  },
});

const listUsers = iamAction({
  name: 'ListUsers',
  access: 'read',
  input: shape({ PathPrefix: fields.pathPrefix, ...fields.paging }),
  subject: (input, state) => ({ arn: state.arn(`user${input.PathPrefix}`) }),
  run: (input, { state }) => {
    const users = state.users().filter((user) => user.path.startsWith(input.PathPrefix));
    const page = pageOfList(input, users, (user) => user.name.toLowerCase());
    return { Users: page.items.map(userCore), ...page.end };
  },
});

export const userActions: readonly IamAction[] = [getUser, listUsers];
