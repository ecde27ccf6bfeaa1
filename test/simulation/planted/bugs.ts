/**
 * Bugs that controllers are known to have, as patches of the operator's own sources. Each is put into a copy of them, one at
 * a time, and has to be caught: what catches none of them proves nothing. `plans` are the ways in which things have to go
 * wrong for the bug to show; without any, it shows when nothing goes wrong.
 */
import type { OracleName } from '../oracles.ts';
import type { Plan } from '../plans.ts';

export type PlantedBug = {
  readonly name: string;
  /** How it comes about, and where it is known from. */
  readonly story: string;
  readonly patches: readonly {
    readonly file: string;
    /** Occurs once in the file. */
    readonly find: string;
    readonly replace: string;
  }[];
  readonly scenario: string;
  readonly plans?: Plan['kind'];
  /** Some of the oracles that catch it. */
  readonly caughtBy: OracleName;
};

const sieve = 'Sieve (OSDI 2022)';

export const plantedBugs: readonly PlantedBug[] = [
  {
    name: 'detach before attach',
    story: 'An edit that exchanges a policy leaves the pods without either for a while.',
    patches: [
      {
        file: 'identity/plan/policies.ts',
        find: 'if (index >= room && unlisted.length > 0) {',
        replace: 'if (unlisted.length > 0) {',
      },
      {
        file: 'identity/plan/policies.ts',
        find: 'if (stillToAttach > 0 && index >= makeRoom) return { arn: policyArn };\n',
        replace: '',
      },
    ],
    scenario: 'policies are edited',
    caughtBy: 'gap',
  },
  {
    name: 'a removed target shuts out its pods',
    story:
      'A target that leaves the spec leaves the trust policy at once, and pods that run there lose their access.',
    patches: [
      {
        file: 'identity/plan/target-decisions.ts',
        find: 'isDraining(world, facts, observation) ? ',
        replace: 'isDraining(world, facts, observation) && false ? ',
      },
    ],
    scenario: 'an account loses a target that an app runs in, which then goes',
    caughtBy: 'in use',
  },
  {
    name: 'a removed target loses its association at once',
    story: 'The association of a target that leaves the spec is deleted while pods get their role by it.',
    patches: [
      {
        file: 'identity/plan/draining.ts',
        find: 'held.podIdentity > 0 &&',
        replace: 'held.podIdentity < 0 &&',
      },
    ],
    scenario: 'an account in Pod Identity loses a target that an app runs in, which then goes',
    caughtBy: 'in use',
  },
  {
    name: 'a deletion under another cluster leaves the role',
    story:
      'The role is looked for by the name that it would have in the present cluster, and its account is let go without it.',
    patches: [
      {
        file: 'identity/plan/deletion.ts',
        find: 'if (stranded) return clusterChanged(world, facts, [stranded, ...others]);',
        replace: 'void [stranded, others, clusterChanged];',
      },
    ],
    scenario: 'an account is deleted while the ClusterConfig names another region, which is put back',
    caughtBy: 'orphan',
  },
  {
    name: 'finalizer removed first',
    story: 'The object is let go before what it stands for; whatever fails after that is an orphan for ever.',
    patches: [
      {
        file: 'identity/plan/deletion.ts',
        find: '  const failures: StepFailure[] = [];',
        replace:
          "  const failures: StepFailure[] = [];\n  list.want({ kind: 'RemoveFinalizer' });\n  if (list.steps.length > 0) return { reason: 'Deleting', message: 'going' };",
      },
      // The step itself refuses while a ServiceAccount is linked.
      {
        file: 'operator/account/apply-step.ts',
        find: '      await assertNoUnseenLink(account, tools, signal);\n',
        replace: '',
      },
    ],
    scenario: 'an account is deleted',
    caughtBy: 'orphan',
  },
  {
    name: 'trust includes a namespace under deletion',
    story: 'Whoever makes the namespace next inherits the permissions of the one before.',
    patches: [
      {
        file: 'identity/plan/target-decisions.ts',
        find: "if (namespace === 'terminating') {",
        replace:
          "if (namespace === 'terminating' && !serviceAccount) return undefined;\n  if (namespace === 'terminating' && facts.name === '') {",
      },
    ],
    scenario: 'a target namespace hangs in deletion',
    caughtBy: 'in step in time',
  },
  {
    name: 'proof assumed',
    story:
      'Ready says that everything was written, not that anybody can use it: IAM takes seconds, and people mistype issuers.',
    patches: [
      {
        file: 'identity/plan/target-by-annotation.ts',
        find: 'const proof = decideProof(world, list, name, role, belief, serviceAccount);',
        replace: "const proof = { proven: true, key: 'assumed' } as ReturnType<typeof decideProof>;",
      },
    ],
    scenario: 'an account is created',
    caughtBy: 'proof',
  },
  {
    name: 'link before role',
    story:
      'Names are known in advance, so the annotation is written before there is a role: pods start with one that they cannot assume.',
    patches: [
      {
        file: 'identity/plan/target-by-annotation.ts',
        find: '  if (!home) {\n    const linked = serviceAccount',
        replace:
          "  if (!home && assessment && !serviceAccount)\n    list.want({ kind: 'CreateServiceAccount', target: name, roleArn: assessment.arn });\n  if (!home) {\n    const linked = serviceAccount",
      },
      // The role takes one request longer than the link.
      {
        file: 'operator/account/apply-step.ts',
        find: 'if (!tools.accounts.isFresh(account.metadata.name, account)) await readAccount',
        replace: 'await readAccount',
      },
    ],
    scenario: 'an account is created',
    caughtBy: 'link before role',
  },
  {
    name: 'owner check after the write',
    story:
      'That the role exists already is taken for the answer to an earlier try; whose it is comes out at the next listing.',
    patches: [
      {
        file: 'operator/account/apply-step.ts',
        find: '        beliefs.perhapsMade(step.role, step.spec.tags);\n        throw error;',
        replace:
          "        if (!(error instanceof IdentityError) || error.code !== 'RoleAlreadyExists') throw error;\n        created = { arn: `arn:aws:iam::123456789012:role/${step.role}`, id: 'AROATHEIRS' };",
      },
    ],
    scenario: 'a foreign role is at the name',
    caughtBy: 'foreign role',
  },
  {
    name: 'EntityAlreadyExists wedges',
    story:
      'A create whose answer was lost is tried again for ever; nobody looks at what is there. Many controllers of cloud resources had it.',
    patches: [
      {
        file: 'identity/plan/role.ts',
        find: "world.failures.get(stepKey(create))?.code === 'RoleAlreadyExists' && belief?.source !== 'read';",
        replace: "world.failures.get(stepKey(create))?.code === 'RoleNotFound' && belief?.source !== 'read';",
      },
    ],
    scenario: 'a foreign role is at the name',
    caughtBy: 'in step in time',
  },
  {
    name: 'orphan on re-creation',
    story: 'The role of an earlier object of the same name is nobody’s: neither taken up nor removed.',
    patches: [
      {
        file: 'identity/desired/ownership.ts',
        find: "return isSame ? 'ours' : 'earlier';",
        replace: "return isSame ? 'ours' : 'foreign';",
      },
    ],
    scenario: 'the finalizer is taken off by hand, and the account is made again',
    caughtBy: 'end state',
  },
  {
    name: 'an old snapshot undoes a young write',
    story:
      'IAM is eventually consistent: a listing shows what was before our own last write, and that is "repaired".',
    patches: [
      {
        file: 'operator/observed-state/roles.ts',
        find: 'return entry?.wroteAt !== undefined && entry.wroteAt > askedAt - settleMs;',
        replace: 'return entry?.wroteAt !== undefined && entry.wroteAt > askedAt;',
      },
    ],
    scenario: 'policies are edited right before IAM is looked over',
    plans: 'oldReads',
    caughtBy: 'counts',
  },
  {
    name: 'delete without preconditions.uid',
    story: `A delete by name removes what somebody has put in the place since. ${sieve} found it in several operators.`,
    patches: [
      {
        file: 'operator/account/service-account-link.ts',
        find: 'const options = { uid, resourceVersion, signal };',
        replace: 'const options = { signal };',
      },
    ],
    scenario: 'somebody puts a ServiceAccount in the place of ours, as the account is deleted',
    plans: 'missed',
    caughtBy: 'foreign ServiceAccount',
  },
  {
    name: 'matched by name instead of UID',
    story: `What is known of an object is told of its namesake, which was made after it. ${sieve}: stale state.`,
    patches: [
      {
        file: 'operator/account/controller.ts',
        find: 'metadata: { name, ...(resourceVersion === undefined ? {} : { resourceVersion }) },',
        replace: 'metadata: { name, ...(resourceVersion === undefined ? {} : {}) },',
      },
    ],
    scenario: 'an account is made again under the same name',
    plans: 'olderView',
    caughtBy: 'status truth',
  },
  {
    name: 'edge-triggered: a deletion is no change',
    story: 'Only what an event brings is looked at, and a deletion brings nothing.',
    patches: [
      {
        file: 'operator/account/controller.ts',
        find: 'const name = (change.new ?? change.old)?.metadata.name;',
        replace: 'const name = change.new?.metadata.name;',
      },
    ],
    scenario: 'a ServiceAccount of ours is deleted',
    caughtBy: 'in step in time',
  },
  {
    name: 'edge-triggered: what failed waits for an event',
    story:
      'Nothing asks to be called again, so that a failure lasts until somebody happens to edit the object.',
    patches: [
      {
        file: 'operator/account/controller.ts',
        find: 'return requeueAfterMs === Infinity ? undefined : { requeueAfterMs };',
        replace: 'return requeueAfterMs === Infinity ? undefined : { requeueAfterMs: 1e9 + requeueAfterMs };',
      },
    ],
    scenario: 'one of three policies does not exist, then it does',
    caughtBy: 'end state',
  },
  {
    name: 'a step is skipped after a restart',
    story:
      'The status is written before the work, and a process that comes after a crash takes it for the proof that it was done.',
    patches: [
      {
        file: 'operator/account/controller.ts',
        find: '      const plan = planAccount(fresh);',
        replace: `      const plan = planAccount(fresh);
      const { observedGeneration } = fresh.account.status ?? {};
      if (pass === 0 && observedGeneration === fresh.account.metadata.generation && !begun.has(name) && fresh.account.metadata.deletionTimestamp === undefined) return undefined;
      begun.add(name);
      if (plan.steps.length > 0 && observedGeneration !== fresh.account.metadata.generation) await report(fresh, plan.status, signal);`,
      },
      {
        file: 'operator/account/controller.ts',
        find: 'const memories = new Map<string, AccountMemory>();',
        replace: 'const memories = new Map<string, AccountMemory>();\n  const begun = new Set<string>();',
      },
    ],
    scenario: 'policies are edited',
    plans: 'killedAfter',
    caughtBy: 'in step in time',
  },
  {
    name: 'a stability gate blocks the rollback',
    story:
      'Nothing is changed while a rollout is under way, so one that cannot succeed cannot be taken back (kubernetes#67250, of StatefulSets).',
    patches: [
      {
        file: 'workloads/plan.ts',
        find: '  const { gate } = place;\n',
        replace: `  const { gate } = place;
  if (place.deployment && !isRolledOut(place.deployment))
    return { target, kind: 'held', notice: { reason: 'WaitingForTurn', message: 'a rollout is under way' }, steps: [] };
`,
      },
    ],
    scenario: 'an app is rolled back from an image that does not start',
    caughtBy: 'in step in time',
  },
  {
    name: 'no fence on the lease',
    story:
      'A process that was paused goes on as leader until it tries to renew (client-go’s leader election says so of itself).',
    patches: [
      {
        file: 'kube/leases.ts',
        find: 'const isLeading = (): boolean => renewed !== undefined && sinceRenewal(renewed) < renewDeadlineMs;',
        replace: 'const isLeading = (): boolean => renewed !== undefined;',
      },
    ],
    scenario: 'policies are edited',
    plans: 'pausedLeader',
    caughtBy: 'not leading',
  },
  {
    name: 'a conflict is forced',
    story:
      'Server-side apply with force where the object was to be made: it joins what somebody else has just made.',
    patches: [
      {
        file: 'operator/account/service-account-link.ts',
        find: 'await client.create(resources.serviceAccounts, object, { fieldManager, signal });',
        replace:
          'await client.apply(resources.serviceAccounts, object, { fieldManager, force: true, signal });',
      },
    ],
    scenario: 'somebody makes a ServiceAccount of the same name at the same time',
    plans: 'missed',
    caughtBy: 'foreign ServiceAccount',
  },
  {
    name: 'the status never rests',
    story: 'A time in the status moves with each look, each write is an event, and each event a look.',
    patches: [
      {
        file: 'identity/plan/conditions.ts',
        find: 'before?.status === verdict.status',
        replace: 'of.now === 0 && before',
      },
    ],
    scenario: 'an account is created',
    caughtBy: 'rest',
  },
  {
    name: 'a version that is gone is asked for again',
    story: 'A watch that cannot go on where it was is opened there again, for ever: the view stands still.',
    patches: [
      {
        file: 'kube/reflector.ts',
        find: "if (isGone(error) || isResourceVersionTooLarge(error)) return { next: 'list' };",
        replace: "if (isGone(error)) return { next: 'retry', version, error: toError(error) };",
      },
    ],
    scenario: 'a target is removed',
    plans: 'missed',
    caughtBy: 'in step in time',
  },
  {
    name: 'a new list tells of no deletion',
    story: 'What vanished while the watch was broken stays in the store.',
    patches: [
      {
        file: 'kube/informer.ts',
        find: 'for (const key of store.keys()) if (!present.has(key)) remove(key);',
        replace: 'for (const key of present) if (!store.get(key)) hasSynced = false;',
      },
    ],
    scenario: 'a ServiceAccount of ours is deleted',
    plans: 'missed',
    caughtBy: 'in step in time',
  },
  {
    name: 'the first list comes from a cache',
    story:
      'Version 0 lets an API server that is behind answer: a restarted controller travels back in time (kubernetes#59848).',
    patches: [
      { file: 'kube/reflector.ts', find: 'resourceVersion: from,', replace: "resourceVersion: from ?? '0'," },
    ],
    scenario: 'policies are edited',
    plans: 'oldCache',
    caughtBy: 'narrowing',
  },
  {
    name: 'an invalid spec narrows live access',
    story:
      'What cannot be carried out in full is carried out as far as it goes, which begins with taking away.',
    patches: [
      {
        file: 'identity/plan/account.ts',
        find: 'return world.roles.get(role)?.role?.attachedPolicyArns ?? [];',
        replace: "return role === '' ? (world.roles.get(role)?.role?.attachedPolicyArns ?? []) : [];",
      },
    ],
    scenario: 'too many policies are listed, then the edit is taken back',
    caughtBy: 'narrowing',
  },
  {
    name: 'one bad policy hides the rest',
    story: 'The first error ends the loop over the list, and what comes after it is never tried.',
    patches: [
      {
        file: 'identity/plan/policies.ts',
        find: "const failure = list.want({ kind: 'AttachPolicy', role: role.name, policyArn });",
        replace:
          "const failure = rows.size > 0 ? undefined : list.want({ kind: 'AttachPolicy', role: role.name, policyArn });",
      },
    ],
    scenario: 'one of three policies does not exist, then it does',
    caughtBy: 'in step in time',
  },
  {
    name: 'an app does not wait for its account',
    story: 'Pods that start before their identity is there run without it, and nobody starts them again.',
    patches: [
      {
        file: 'workloads/identity-gate.ts',
        find: '  if (resource === undefined)\n    return closed(',
        replace:
          '  if (resource === undefined) return { open: true };\n  if (resource === null)\n    return closed(',
      },
    ],
    scenario: 'an app is there before its account',
    caughtBy: 'in step in time',
  },
  {
    name: 'an account goes while it is used',
    story: 'The role is removed under the feet of pods that run.',
    patches: [
      {
        file: 'identity/plan/account.ts',
        find: 'if (deleting && users.length === 0 && !isKept) {',
        replace: 'if (deleting) {',
      },
    ],
    scenario: 'an app loses its account, which is deleted meanwhile',
    caughtBy: 'in use',
  },
  {
    name: 'an edit of policies rolls the apps',
    story: 'The mark in the pod template changes with every generation of the account.',
    patches: [
      {
        file: 'workloads/identity-gate.ts',
        find: 'return { ...identity, mark: identityMark(identity) };',
        replace: 'return { ...identity, mark: `${identityMark(identity)} of ${generation}` };',
      },
      {
        file: 'workloads/identity-gate.ts',
        find: "function identityOf(roleArn: string, mode: IdentityMode = 'IRSA'): Identity {",
        replace:
          "function identityOf(roleArn: string, mode: IdentityMode = 'IRSA', generation = 0): Identity {",
      },
      {
        file: 'workloads/identity-gate.ts',
        find: 'identityOf(row.roleArn, row.identityMode) : undefined;',
        replace: 'identityOf(row.roleArn, row.identityMode, resource.metadata.generation) : undefined;',
      },
    ],
    scenario: 'the policies of an account are edited while an app uses it',
    caughtBy: 'counts',
  },
  {
    name: 'a role is made for an account that is gone',
    story: `A process that takes over with an old view makes again what the one before it has removed. ${sieve}: time travel.`,
    patches: [
      {
        file: 'operator/account/apply-step.ts',
        find: '      await assertStillThere(account, tools, signal);\n      try {',
        replace: '      try {',
      },
    ],
    scenario: 'an account is deleted',
    plans: 'olderView',
    caughtBy: 'two views',
  },
  {
    name: 'objects are made for an app that is gone',
    story:
      'The garbage collector removes them, the operator makes them again, until it hears of the deletion.',
    patches: [
      {
        file: 'operator/apps/carry-out.ts',
        find: 'if (!present && !(await isStillThere(tools)))',
        replace: 'if (!present && !tools && !(await isStillThere(tools)))',
      },
    ],
    scenario: 'an app on two targets goes',
    plans: 'missed',
    caughtBy: 'counts',
  },
  {
    name: 'a foreign association is taken over',
    story: 'It is at the name, so it is taken for ours.',
    patches: [
      {
        file: 'identity/desired/ownership.ts',
        find: '  const { tags } = owned;\n',
        replace:
          "  const { tags } = owned;\n  if (!('k11n.dev/managed-by' in tags) && 'team' in tags) return 'ours';\n",
      },
    ],
    scenario: 'a foreign association stands in the way, then goes',
    caughtBy: 'foreign association',
  },
  {
    name: 'the issuer of a role is not compared',
    story:
      'Two clusters have one name, or one was copied from the other: each takes the roles of the other for its own, in turns.',
    patches: [
      {
        file: 'identity/desired/ownership.ts',
        find: "  if (!isOfIssuer(owned, owner)) return 'otherIssuer';\n",
        replace: '',
      },
    ],
    scenario: 'a role of another cluster of the same name is at the name',
    caughtBy: 'foreign role',
  },
  {
    name: 'the case of tag keys counts',
    story:
      'IAM keeps one tag under a key in any case. Whoever compares exactly loses the role for good when it is written in another.',
    patches: [
      {
        file: 'identity/desired/tags.ts',
        find: 'const found = Object.keys(tags).find((other) => other.toLowerCase() === lower);',
        replace: 'const found = Object.keys(tags).find((other) => other === key && lower.length > 0);',
      },
    ],
    scenario: 'the ownership tags of a role are written in another case, and its policies are edited',
    caughtBy: 'end state',
  },
  {
    name: 'a narrower list of allowed policies is enforced at once',
    story: 'A word in one object takes permissions from the running pods of every account.',
    patches: [
      {
        file: 'identity/plan/policies.ts',
        find: '  if (!role || detachesDisallowed) return [];',
        replace: '  if (!role || detachesDisallowed || before.length > 0) return [];',
      },
    ],
    scenario: 'the cluster allows fewer policies, and then their detachment is consented to',
    caughtBy: 'narrowing',
  },
  {
    name: 'a switch of the mode cuts running pods off',
    story: 'The trust policy says what is wanted, and not what pods hold that were made before.',
    patches: [
      {
        file: 'identity/plan/trusted-targets.ts',
        find: '|| holdsWebIdentity(world, facts, observation)',
        replace: "|| (holdsWebIdentity(world, facts, observation) && wanted === 'IRSA')",
      },
    ],
    scenario: 'the identity mode of an account is switched there and back',
    caughtBy: 'narrowing',
  },
  {
    name: 'the turn of a target ends with its association',
    story: 'A step is done when its call is answered, whatever the pods that depended on it do next.',
    patches: [
      {
        file: 'identity/plan/target.ts',
        find: "fails('DeleteAssociation', 'RolloutBlocked') : held.podIdentity > 0;",
        replace: "fails('DeleteAssociation', 'RolloutBlocked') : held.podIdentity < 0;",
      },
    ],
    scenario: 'the identity mode of an account is switched there and back',
    caughtBy: 'narrowing',
  },
  {
    name: 'associations stay when the account goes',
    story: 'What is kept in another service than the rest is forgotten.',
    patches: [
      {
        file: 'identity/plan/deletion.ts',
        find: 'if (associations.length > 0) {',
        replace: 'if (associations.length > 0 && world.now < 0) {',
      },
    ],
    scenario: 'an account in Pod Identity loses a target, and is deleted',
    caughtBy: 'orphan',
  },
  {
    name: 'an association is deleted for an annotation that is gone',
    story: `A process that takes over with an old view ends the way that works for one that is no more. ${sieve}: time travel.`,
    patches: [
      {
        file: 'operator/account/apply-association-step.ts',
        find: 'if (step.successor) {',
        replace: 'if (step.successor && !tools) {',
      },
    ],
    scenario: 'the identity mode of the cluster is switched',
    plans: 'olderView',
    caughtBy: 'narrowing',
  },
  {
    name: 'what was not heard of is not there',
    story:
      'The answer to the making of a thing is lost, the watch misses it, and whoever tidies up goes by what they know: so it stays.',
    patches: [
      {
        file: 'operator/account/apply-step.ts',
        find: '      await assertNoUnseenLink(account, tools, signal);\n',
        replace: '',
      },
    ],
    scenario: 'an account is deleted right after it was made',
    plans: 'unheard',
    caughtBy: 'orphan',
  },
  {
    name: 'a halt waits for the rest of the spec',
    story:
      'An app is edited into what cannot be carried out, and whoever then stops it in the night has to mend it first.',
    patches: [
      {
        file: 'workloads/halt.ts',
        find: "  if (target.deployMode === 'halt') return stepsToStop(standing);\n",
        replace: "  if (target.deployMode === 'halt') return [];\n",
      },
    ],
    scenario: 'an app is halted after an edit that cannot be carried out, corrected and started again',
    caughtBy: 'halt',
  },
  {
    name: 'ownership is removed before the role is tagged as retained',
    story: 'A crash between the two leaves a role that still lets pods in, and that no listing shows.',
    patches: [
      {
        file: 'identity/plan/deletion.ts',
        find: '  const untagged = kept.filter(',
        replace:
          "  for (const role of kept) want({ kind: 'UntagRole', role: role.name, keys: tagKeysLostOnRetain });\n  const untagged = kept.filter(",
      },
    ],
    scenario: 'an account is deleted with Retain',
    caughtBy: 'orphan',
  },
  {
    name: 'a new image is rolled out though the webhook is away',
    story:
      'Only a new identity is tried on a dry-run pod, so that a deploy during an outage of the webhook replaces pods by others without a role.',
    patches: [
      {
        file: 'workloads/dry-run.ts',
        find: "        !covers(deployment.spec?.template, spec?.['template'])\n",
        replace:
          "        !covers(deployment.spec?.template?.metadata, (spec?.['template'] as PodTemplate).metadata)\n",
      },
      {
        file: 'workloads/dry-run.ts',
        find: '        !haveSameTemplate({ ...manifest, kind }, deployment) ||\n',
        replace: '',
      },
    ],
    scenario: 'an app is given another image while the webhook is away',
    caughtBy: 'pod without identity',
  },
  {
    name: 'an app is started without a look at the webhook',
    story: 'The template is the one that was deployed before, so that nothing seems to be new about it.',
    patches: [
      {
        file: 'workloads/dry-run.ts',
        find: 'if (!deployment || (replicas ?? 0) > present) return true;',
        replace: 'if (!deployment) return true;',
      },
    ],
    scenario: 'an app is started after a halt while the webhook is away',
    caughtBy: 'pod without identity',
  },
];
