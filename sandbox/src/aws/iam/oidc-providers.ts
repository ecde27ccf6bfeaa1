/** OpenID Connect providers. Each represents an issuer whose tokens the AWS account accepts. */
import { list, shape, text } from '../wire/shape.ts';
import type { IamAction } from './env.ts';
import { iamAction, requirement } from './env.ts';
import { alreadyExists, noSuchEntity, quotaExceeded, validationError } from './errors.ts';
import * as fields from './fields.ts';
import type { OidcProvider } from './model.ts';
import { pageOfList } from './paging.ts';
import { provider as renderProvider, tag } from './render.ts';
import type { IamState } from './state.ts';
import { providerSubject } from './subjects.ts';
import { addTags, removeTags, requestTagContext, sameTags } from './tags.ts';

const clientId = text({ min: 1, max: 255 });
const thumbprint = text({ min: 40, max: 40 });
const thumbprints = list(thumbprint, { max: 5 });
const providerArn = { OpenIDConnectProviderArn: fields.arn } as const;

const createProvider = iamAction({
  name: 'CreateOpenIDConnectProvider',
  access: 'write',
  input: shape({
    Url: text({ min: 1, max: 255 }),
    ClientIDList: list(clientId),
    ThumbprintList: thumbprints,
    Tags: fields.tags,
  }),
  subject: (input, state) => ({
    arn: state.arn(`oidc-provider/${input.Url.replace(/^https:\/\//, '')}`),
    context: requestTagContext(input.Tags),
  }),
  also: (input, subject) =>
    input.Tags.length > 0 ? [requirement('iam:TagOpenIDConnectProvider', subject)] : [],
  run: (input, { state, now }) => {
    const provider = newProvider(
      {
        issuer: input.Url,
        clientIds: input.ClientIDList,
        thumbprints: input.ThumbprintList,
        tags: addTags([], input.Tags, state.quotas.tags),
      },
      state,
      now,
    );
    const { arn, url, tags } = provider;
    if (state.provider(arn)) throw alreadyExists(`Provider with url https://${url} already exists.`);
    const limit = state.quotas.openIdConnectProviders;
    if (state.providerCount() >= limit) throw quotaExceeded('OpenIdConnectProvidersPerAccount', limit);
    state.putProvider(provider, now);
    return { OpenIDConnectProviderArn: arn, Tags: tags.length > 0 ? tags.map(tag) : undefined };
  },
});

const getProvider = iamAction({
  name: 'GetOpenIDConnectProvider',
  access: 'read',
  input: providerArn,
  subject: (input, state) => providerSubject(input.OpenIDConnectProviderArn, state),
  run: (input, { state, at }) => renderProvider(existingProvider(input.OpenIDConnectProviderArn, state, at)),
});

const listProviders = iamAction({
  name: 'ListOpenIDConnectProviders',
  access: 'read',
  input: {},
  subject: (_input, state) => ({ arn: state.arn('oidc-provider/*') }),
  run: (_input, { state, at }) => ({
    OpenIDConnectProviderList: [...state.providers(at)].map(([arn]) => ({ Arn: arn })),
  }),
});

/** Idempotent, as the API reference states. */
const deleteProvider = iamAction({
  name: 'DeleteOpenIDConnectProvider',
  access: 'write',
  input: providerArn,
  subject: (input, state) => providerSubject(input.OpenIDConnectProviderArn, state),
  run: (input, { state, now }) => {
    const provider = state.provider(input.OpenIDConnectProviderArn);
    if (provider) state.deleteProvider(provider, now);
    return undefined;
  },
});

const addClientId = iamAction({
  name: 'AddClientIDToOpenIDConnectProvider',
  access: 'write',
  input: shape({ ...providerArn, ClientID: clientId }),
  subject: (input, state) => providerSubject(input.OpenIDConnectProviderArn, state),
  run: (input, { state, now }) => {
    const provider = existingProvider(input.OpenIDConnectProviderArn, state);
    if (provider.clientIds.includes(input.ClientID)) return undefined;
    const clientIds = [...provider.clientIds, input.ClientID];
    checkClientIds(clientIds, state);
    state.putProvider({ ...provider, clientIds }, now);
    return undefined;
  },
});

const removeClientId = iamAction({
  name: 'RemoveClientIDFromOpenIDConnectProvider',
  access: 'write',
  input: shape({ ...providerArn, ClientID: clientId }),
  subject: (input, state) => providerSubject(input.OpenIDConnectProviderArn, state),
  run: (input, { state, now }) => {
    const provider = existingProvider(input.OpenIDConnectProviderArn, state);
    if (!provider.clientIds.includes(input.ClientID)) return undefined;
    const clientIds = provider.clientIds.filter((id) => id !== input.ClientID);
    state.putProvider({ ...provider, clientIds }, now);
    return undefined;
  },
});

const updateThumbprint = iamAction({
  name: 'UpdateOpenIDConnectProviderThumbprint',
  access: 'write',
  input: shape({ ...providerArn, ThumbprintList: thumbprints }),
  subject: (input, state) => providerSubject(input.OpenIDConnectProviderArn, state),
  run: (input, { state, now }) => {
    const provider = existingProvider(input.OpenIDConnectProviderArn, state);
    state.putProvider({ ...provider, thumbprints: input.ThumbprintList }, now);
    return undefined;
  },
});

const tagProvider = iamAction({
  name: 'TagOpenIDConnectProvider',
  access: 'write',
  input: shape({ ...providerArn, Tags: fields.tags }),
  subject: (input, state) =>
    providerSubject(input.OpenIDConnectProviderArn, state, requestTagContext(input.Tags)),
  run: (input, { state, now }) => {
    const provider = existingProvider(input.OpenIDConnectProviderArn, state);
    putTags(provider, addTags(provider.tags, input.Tags, state.quotas.tags), state, now);
    return undefined;
  },
});

const untagProvider = iamAction({
  name: 'UntagOpenIDConnectProvider',
  access: 'write',
  input: shape({ ...providerArn, TagKeys: fields.tagKeys }),
  subject: (input, state) =>
    providerSubject(input.OpenIDConnectProviderArn, state, { 'aws:TagKeys': input.TagKeys }),
  run: (input, { state, now }) => {
    const provider = existingProvider(input.OpenIDConnectProviderArn, state);
    putTags(provider, removeTags(provider.tags, input.TagKeys), state, now);
    return undefined;
  },
});

const listProviderTags = iamAction({
  name: 'ListOpenIDConnectProviderTags',
  access: 'read',
  input: shape({ ...providerArn, ...fields.paging }),
  subject: (input, state) => providerSubject(input.OpenIDConnectProviderArn, state),
  run: (input, { state, at }) => {
    const provider = existingProvider(input.OpenIDConnectProviderArn, state, at);
    const page = pageOfList(input, provider.tags, ({ Key }) => Key);
    return { Tags: page.items.map(tag), ...page.end };
  },
});

/**
 * Validates and returns a provider that is to be created in the AWS account.
 * @throws ValidationError or LimitExceeded
 */
export function newProvider(
  given: Pick<OidcProvider, 'clientIds' | 'thumbprints' | 'tags'> & { readonly issuer: string },
  state: IamState,
  now: number,
): OidcProvider {
  const url = readUrl(given.issuer);
  const clientIds = [...new Set(given.clientIds)];
  checkClientIds(clientIds, state);
  return {
    arn: state.arn(`oidc-provider/${url}`),
    url,
    clientIds,
    thumbprints: given.thumbprints,
    createdAt: now,
    tags: given.tags,
  };
}

/**
 * Removes the scheme of the URL. IAM accepts no port, query or fragment.
 * @throws ValidationError
 */
function readUrl(url: string): string {
  if (!url.startsWith('https://')) throw validationError('Invalid Open ID Connect Provider URL');
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (!parsed || parsed.port !== '' || parsed.search !== '' || parsed.hash !== '' || parsed.username !== '') {
    throw validationError('Invalid Open ID Connect Provider URL');
  }
  return url.slice('https://'.length);
}

function existingProvider(arn: string, state: IamState, at?: number): OidcProvider {
  const provider = state.provider(arn, at);
  if (!provider) throw noSuchEntity(`OpenIDConnect Provider not found for arn ${arn}`);
  return provider;
}

function checkClientIds(clientIds: readonly string[], state: IamState): void {
  const limit = state.quotas.clientIdsPerProvider;
  if (clientIds.length > limit) throw quotaExceeded('ClientIdsPerOpenIdConnectProvider', limit);
}

function putTags(provider: OidcProvider, tags: OidcProvider['tags'], state: IamState, now: number): void {
  if (!sameTags(provider.tags, tags)) state.putProvider({ ...provider, tags }, now);
}

export const oidcProviderActions: readonly IamAction[] = [
  createProvider,
  getProvider,
  listProviders,
  deleteProvider,
  addClientId,
  removeClientId,
  updateThumbprint,
  tagProvider,
  untagProvider,
  listProviderTags,
];
