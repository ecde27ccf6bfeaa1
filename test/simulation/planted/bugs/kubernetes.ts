/** Planted bugs in watches, leases, preconditions, events and the status. */
import { setConditions } from '../../../../src/k8s/conditions.ts';
import { createController } from '../../../../src/kube/controller.ts';
import type { KubeClient } from '../../../../src/kube/index.ts';
import { createLeaderElector } from '../../../../src/kube/leases.ts';
import { runReflector } from '../../../../src/kube/reflector.ts';
import { createAccountController } from '../../../../src/operator/account/controller.ts';
import { observeAccount, type AccountSources } from '../../../../src/operator/account/observe.ts';
import { applyStep } from '../../../../src/operator/account/apply-step.ts';
import {
  createServiceAccount,
  deleteServiceAccount,
} from '../../../../src/operator/account/service-account-link.ts';
import { fieldManager, linkedServiceAccounts, type LinkedServiceAccount } from '../../../../src/api/index.ts';
import { around, overriding, type PlantedBug } from '../planted-bug.ts';

/** Accounts that a process has reconciled, keyed by the process's `AccountSources`. */
const begun = new WeakMap<AccountSources, Set<string>>();

export const kubernetesBugs: readonly PlantedBug[] = [
  {
    name: 'an object is deleted without preconditions.uid',
    story:
      'A deletion by name removes a new object that replaced the observed one. Sieve (OSDI 2022) found this bug in several operators.',
    wrappers: [
      around(deleteServiceAccount, (original) => (account, namespace, observed, tools, signal) => {
        const { client } = tools;
        const unconditional = overriding(client, {
          delete: (resource, ref) => client.delete(resource, ref, { signal }),
        });
        return original(account, namespace, observed, { ...tools, client: unconditional }, signal);
      }),
    ],
    scenario: 'the ServiceAccount of an account is replaced by a foreign one while the account is deleted',
    plans: 'missed',
    caughtBy: 'foreign ServiceAccount',
  },
  {
    name: 'an object is matched by name instead of uid',
    story:
      'The status of a deleted object is written to a new object with the same name. Sieve (OSDI 2022): stale state.',
    wrappers: [
      around(createAccountController, (original) => (options) => {
        const { client } = options.context;
        const apply: KubeClient['apply'] = (resource, object, more) => {
          const { resourceVersion: _, ...metadata } = object.metadata;
          return client.apply(
            resource,
            more.subresource === 'status' ? { ...object, metadata } : object,
            more,
          );
        };
        const context = { ...options.context, client: overriding(client, { apply }) };
        return original({ ...options, context });
      }),
    ],
    scenario: 'an account is created again under the same name',
    plans: 'olderView',
    caughtBy: 'status truth',
  },
  {
    name: 'edge-triggered: a deletion triggers no reconcile',
    story: 'The operator reconciles only the object that an event contains, and a deletion contains none.',
    wrappers: [
      around(createAccountController, (original) => (options) => {
        const { informers } = options.context;
        const serviceAccounts = overriding(informers.serviceAccounts, {
          onChange: (listener) =>
            informers.serviceAccounts.onChange((change) => {
              if (change.new) listener(change);
            }),
        });
        const context = { ...options.context, informers: { ...informers, serviceAccounts } };
        return original({ ...options, context });
      }),
    ],
    scenario: 'a ServiceAccount of an account is deleted out of band',
    caughtBy: 'in step in time',
  },
  {
    name: 'edge-triggered: a failure waits for an event',
    story: 'A failed reconcile is not requeued, so the failure lasts until a user edits the object.',
    wrappers: [
      around(
        createController,
        (original) => (options) =>
          original({
            ...options,
            async reconcile(key, signal) {
              const result = await options.reconcile(key, signal);
              const { requeueAfterMs } = result ?? {};
              return options.name === 'accounts' && requeueAfterMs !== undefined
                ? { requeueAfterMs: requeueAfterMs + 1e9 }
                : result;
            },
          }),
      ),
    ],
    scenario: 'one of three policies does not exist, and is created later',
    caughtBy: 'end state',
  },
  {
    name: 'a step is skipped after a restart',
    story:
      'The status is written before the work, and after a crash the next process concludes from the status that the work was done.',
    wrappers: [
      around(observeAccount, (original) => (name, sources, memory) => {
        const world = original(name, sources, memory);
        const { metadata, status } = world?.account ?? {};
        const known = begun.get(sources) ?? new Set();
        const isReported = status?.observedGeneration === metadata?.generation;
        if (isReported && !known.has(name) && metadata?.deletionTimestamp === undefined) return undefined;
        begun.set(sources, known.add(name));
        return world;
      }),
      around(applyStep, (original) => async (step, account, tools, signal) => {
        const { apiVersion, kind, metadata, status } = account;
        const { generation, name } = metadata;
        if (status?.observedGeneration !== undefined && generation !== status.observedGeneration) {
          const reported = { ...status, observedGeneration: generation };
          const object = { apiVersion, kind, metadata: { name }, status: reported } as LinkedServiceAccount;
          const options = { fieldManager, force: true, subresource: 'status', signal } as const;
          tools.accounts.wrote(name, await tools.client.apply(linkedServiceAccounts, object, options));
        }
        return original(step, account, tools, signal);
      }),
    ],
    scenario: 'policies are edited',
    plans: 'killedAfter',
    caughtBy: 'in step in time',
  },
  {
    name: 'a paused leader writes after its lease has expired',
    story:
      'A paused process continues as leader until it tries to renew its lease, as the documentation of client-go’s leader election warns.',
    wrappers: [
      around(createLeaderElector, (original) => (options) => {
        let leads = false;
        const elector = original(options);
        return overriding(elector, {
          isLeading: () => leads,
          assertLeading: () => undefined,
          run: (signal, lead) =>
            elector.run(signal, (leading) => {
              leads = true;
              return lead(leading);
            }),
        });
      }),
    ],
    scenario: 'policies are edited',
    plans: 'pausedLeader',
    caughtBy: 'not leading',
  },
  {
    name: 'a conflict is forced',
    story:
      'Server-side apply with force, instead of a create, takes over an object that another user created a moment before.',
    wrappers: [
      around(createServiceAccount, (original) => (account, namespace, roleArn, tools, signal) => {
        const { client } = tools;
        const create = ((resource, object) =>
          client.apply(resource, object, { fieldManager, force: true, signal })) as KubeClient['create'];
        return original(
          account,
          namespace,
          roleArn,
          { ...tools, client: overriding(client, { create }) },
          signal,
        );
      }),
    ],
    scenario: 'a foreign ServiceAccount of the same name is created at the same time',
    plans: 'missed',
    caughtBy: 'foreign ServiceAccount',
  },
  {
    name: 'the status never converges',
    story:
      'A time in the status changes with each reconcile; each write causes an event, and each event causes a reconcile.',
    wrappers: [around(setConditions, (original) => (_, drafts, of) => original(undefined, drafts, of))],
    scenario: 'an account is created',
    caughtBy: 'rest',
  },
  {
    name: 'a watch is resumed at a version that has expired',
    story:
      'A watch that cannot resume at a version is opened at that version again and again, so the informer receives no more changes.',
    wrappers: [
      around(runReflector, (original) => (options, signal) => {
        const { client } = options;
        const watch: KubeClient['watch'] = async function* (resource, scope) {
          try {
            for await (const event of client.watch<never>(resource, scope)) {
              if (event.type === 'ERROR') throw event.error;
              yield event;
            }
          } catch (error) {
            const isExpired = (error as { readonly status?: number }).status === 410;
            throw isExpired ? new Error('the watch has to be opened again') : error;
          }
        };
        return original({ ...options, client: overriding(client, { watch }) }, signal);
      }),
    ],
    scenario: 'a target is removed',
    plans: 'missed',
    caughtBy: 'in step in time',
  },
  {
    name: 'a new list reports no deletion',
    story: 'Objects that were deleted while the watch was broken stay in the store.',
    wrappers: [
      around(runReflector, (original) => (options, signal) => {
        let isFirst = true;
        const { sink } = options;
        const replace: typeof sink.replace = (taken) => {
          if (isFirst) sink.replace(taken);
          else for (const object of taken) sink.upsert(object);
          isFirst = false;
        };
        return original({ ...options, sink: { ...sink, replace } }, signal);
      }),
    ],
    scenario: 'a ServiceAccount of an account is deleted out of band',
    plans: 'missed',
    caughtBy: 'in step in time',
  },
  {
    name: 'the first list comes from a cache',
    story:
      'With version 0, a stale API server may respond, so a restarted controller sees an older state than its predecessor (kubernetes#59848).',
    wrappers: [
      around(runReflector, (original) => (options, signal) => {
        const { client } = options;
        const watch: KubeClient['watch'] = (resource, scope) =>
          client.watch(resource, { ...scope, resourceVersion: scope?.resourceVersion ?? '0' });
        return original({ ...options, client: overriding(client, { watch }) }, signal);
      }),
    ],
    scenario: 'policies are listed by name, and one of them also by ARN',
    plans: 'oldCache',
    caughtBy: 'narrowing',
  },
];
