/** IAM and STS as far as the engine's ports go: strict about names, attachments and trust, and eventually anything but wrong. */
import { IdentityError, type ObservedRole, type RoleSpec } from '../../src/identity/index.ts';
import type { Aws } from '../../src/operator/engine.ts';

export type SimulatedIam = {
  readonly aws: Aws;
  readonly roles: Map<string, ObservedRole>;
  readonly missingPolicies: Set<string>;
};

export const accountId = '123456789012';

export function createSimulatedIam(now: () => number): SimulatedIam {
  const roles = new Map<string, ObservedRole>();
  const missingPolicies = new Set<string>();
  let ids = 0;

  const nameTaken = (name: string): boolean =>
    [...roles.keys()].some((other) => other.toLowerCase() === name.toLowerCase());
  const existing = (name: string): ObservedRole => {
    const role = roles.get(name);
    if (!role) throw new IdentityError('RoleNotFound', `The role with name ${name} cannot be found.`);
    return role;
  };
  const change = (name: string, to: (role: ObservedRole) => ObservedRole): void => {
    roles.set(name, to(existing(name)));
  };

  return {
    roles,
    missingPolicies,
    aws: {
      roles: {
        read: async (name) => structuredClone(roles.get(name)),
        snapshot: async () => ({ startedAt: now(), roles: structuredClone([...roles.values()]) }),
        async create(spec: RoleSpec) {
          if (nameTaken(spec.name))
            throw new IdentityError('RoleAlreadyExists', `Role with name ${spec.name} already exists.`);
          const arn = `arn:aws:iam::${accountId}:role${spec.path}${spec.name}`;
          const id = `AROA${(ids += 1)}`;
          const { name, path, trustPolicy, maxSessionDuration, tags, permissionsBoundaryArn } = spec;
          roles.set(name, {
            name,
            path,
            trustPolicy,
            maxSessionDuration,
            tags: { ...tags },
            arn,
            id,
            attachedPolicyArns: [],
            inlinePolicyNames: [],
            ...(permissionsBoundaryArn === undefined ? {} : { permissionsBoundaryArn }),
          });
          return { arn, id };
        },
        async delete(name) {
          const role = roles.get(name);
          if (!role) return;
          if (role.attachedPolicyArns.length + role.inlinePolicyNames.length > 0) {
            throw new IdentityError(
              'DeleteConflict',
              'Cannot delete entity, must detach all policies first.',
            );
          }
          roles.delete(name);
        },
        updateTrustPolicy: async (name, trustPolicy) => change(name, (role) => ({ ...role, trustPolicy })),
        async attachPolicy(name, arn) {
          existing(name);
          if (missingPolicies.has(arn))
            throw new IdentityError('PolicyNotFound', `Policy ${arn} does not exist or is not attachable.`);
          change(name, (role) => ({
            ...role,
            attachedPolicyArns: [...new Set([...role.attachedPolicyArns, arn])],
          }));
        },
        async detachPolicy(name, arn) {
          if (roles.has(name))
            change(name, (role) => ({
              ...role,
              attachedPolicyArns: role.attachedPolicyArns.filter((other) => other !== arn),
            }));
        },
        async deleteInlinePolicy(name, policy) {
          if (roles.has(name))
            change(name, (role) => ({
              ...role,
              inlinePolicyNames: role.inlinePolicyNames.filter((other) => other !== policy),
            }));
        },
        putPermissionsBoundary: async (name, arn) =>
          change(name, (role) => ({ ...role, permissionsBoundaryArn: arn })),
        deletePermissionsBoundary: async (name) =>
          change(name, ({ permissionsBoundaryArn: _, ...role }) => role),
        updateMaxSessionDuration: async (name, seconds) =>
          change(name, (role) => ({ ...role, maxSessionDuration: seconds })),
        tag: async (name, tags) => change(name, (role) => ({ ...role, tags: { ...role.tags, ...tags } })),
        untag: async (name, keys) =>
          change(name, (role) => ({
            ...role,
            tags: Object.fromEntries(Object.entries(role.tags).filter(([key]) => !keys.includes(key))),
          })),
      },
      prover: {
        async prove({ token, roleArn }) {
          const role = [...roles.values()].find((candidate) => candidate.arn === roleArn);
          const { sub, iss } = JSON.parse(token) as { sub: string; iss: string };
          if (!role || !trusts(role.trustPolicy, sub, iss))
            throw new IdentityError(
              'AssumeRoleDenied',
              'Not authorized to perform sts:AssumeRoleWithWebIdentity',
            );
        },
      },
      account: {
        callerIdentity: async () => ({
          accountId,
          partition: 'aws',
          arn: `arn:aws:iam::${accountId}:user/operator`,
        }),
        oidcProvider: async () => ({ clientIds: ['sts.amazonaws.com'] }),
        quotas: async () => ({ policiesPerRole: 10, trustPolicySize: 2048, roles: 1000, rolesUsed: 0 }),
      },
    },
  };
}

function trusts(document: string, subject: string, issuer: string): boolean {
  const { Statement: statements } = JSON.parse(document) as {
    Statement: { Effect: string; Condition?: { StringEquals?: Record<string, string | string[]> } }[];
  };
  const key = `${issuer.replace('https://', '')}:sub`;
  return statements.some(
    ({ Effect, Condition }) =>
      Effect === 'Allow' && [Condition?.StringEquals?.[key] ?? []].flat().includes(subject),
  );
}
