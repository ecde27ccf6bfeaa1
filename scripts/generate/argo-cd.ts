/**
 * Generates Argo CD health checks for the kinds of Konstellation, in the layout of Argo CD's own resource_customizations. The
 * list of reasons that require a user action comes from the registries.
 */
import { identityErrors } from '../../src/identity/state/errors.ts';
import { identityReasons } from '../../src/identity/state/reasons.ts';
import { requiresUserAction } from '../../src/k8s/reasons.ts';
import { gateReasons, slotReasons, targetReasons } from '../../src/workloads/reasons.ts';

const registries = [identityReasons, gateReasons, slotReasons, targetReasons];

export const argoCdFolder = 'integrations/argo-cd/resource_customizations/k11n.dev';
export const argoCdKinds = ['LinkedServiceAccount', 'App', 'ClusterConfig'] as const;

export function argoCdHealthChecks(): [path: string, content: string][] {
  return argoCdKinds.map((kind) => [`${argoCdFolder}/${kind}/health.lua`, healthCheck()]);
}

function healthCheck(): string {
  const reasons = [
    ...new Set([
      ...registries.flatMap((registry) =>
        Object.keys(registry).filter((reason) => requiresUserAction(reason, registries)),
      ),
      ...Object.entries(identityErrors).flatMap(([reason, { retry }]) =>
        retry === 'terminal' ? [reason] : [],
      ),
    ]),
  ].sort();
  return `-- Generated from the registries of reasons by npm run generate.
local requiresUserAction = {
${reasons.map((reason) => `  ${reason} = true,`).join('\n')}
}

local health = { status = "Progressing", message = "waiting for the operator" }
if obj.status == nil or obj.status.conditions == nil then
  return health
end
if obj.status.observedGeneration ~= nil and obj.metadata.generation ~= nil
  and obj.status.observedGeneration < obj.metadata.generation then
  return health
end
for _, condition in ipairs(obj.status.conditions) do
  if condition.type == "Ready" then
    health.message = condition.message
    if condition.status == "True" then
      health.status = "Healthy"
    elseif condition.reason == "AwaitingFirstPod" then
      -- In a sync wave, the first pod may be created only after this object is healthy.
      health.status = "Healthy"
    elseif requiresUserAction[condition.reason] then
      health.status = "Degraded"
    end
  end
end
if obj.metadata.deletionTimestamp ~= nil and health.status == "Healthy" then
  health.status = "Progressing"
end
return health
`;
}
