-- Generated from the registries of reasons by npm run generate.
local requiresUserAction = {
  AccessDenied = true,
  AccountExcludesTarget = true,
  AccountNameReserved = true,
  AdoptionBlocked = true,
  AdoptionRefused = true,
  AgentMissing = true,
  AwaitingReplacement = true,
  BoundaryRequired = true,
  ClusterChanged = true,
  ClusterConfigDuplicate = true,
  ClusterUnknown = true,
  CredentialsMissing = true,
  CredentialsRejected = true,
  DeletionProtected = true,
  ForeignAnnotation = true,
  ForeignAssociation = true,
  ForeignAudience = true,
  InlinePoliciesFound = true,
  InvalidInput = true,
  InvalidSpec = true,
  IssuerMismatch = true,
  KubernetesDenied = true,
  KubernetesFenced = true,
  NotAdmitted = true,
  NotOwned = true,
  OldPodsRunning = true,
  OldSessionsLive = true,
  PodsNotDenied = true,
  PolicyNotAllowed = true,
  PolicyNotFound = true,
  Quarantined = true,
  QuotaExceeded = true,
  Refused = true,
  RoleNotOwned = true,
  ServiceAccountNotOwned = true,
  SpecNewerThanOperator = true,
  StatementsInvalid = true,
  StatementsNotAllowed = true,
  StillInUse = true,
  TargetReserved = true,
  TargetUnknown = true,
  TooManyPolicies = true,
  WrongAccount = true,
  WrongPartition = true,
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
