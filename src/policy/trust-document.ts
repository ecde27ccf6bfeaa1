/** Parses trust policies, which define the principals that can assume a role. */
import type { PolicyDocument, PolicyPrincipal, PolicyStatement, PrincipalType } from './model.ts';
import {
  checkStatementIds,
  documentElements,
  fault,
  isJsonObject,
  parseJsonObject,
  readConditions,
  readPatternSet,
  readStatements,
  readStrings,
  readVersion,
  type JsonObject,
} from './syntax.ts';

const syntaxError = 'Syntax error in policy.';
const elements = new Set(['Sid', 'Effect', 'Principal', 'Action', 'NotAction', 'Condition']);

export function parseTrustDocument(text: string): PolicyDocument {
  const json = parseJsonObject(text, 'This policy contains invalid Json');
  for (const element of Object.keys(json)) {
    if (!documentElements.has(element)) fault(`Unknown field ${element}`);
  }
  const version =
    json['Version'] === undefined
      ? '2008-10-17'
      : readVersion(json['Version'], 'The policy must contain a valid version string');
  if (json['Id'] !== undefined && typeof json['Id'] !== 'string') fault(syntaxError);
  if (json['Statement'] === undefined) fault('Missing required field Statement');
  const sources = readStatements(json, 'Could not parse the policy: Statement is empty!');
  const statements = sources.map(readStatement);
  checkStatementIds(statements, 'The Statement Ids in the policy are not unique');
  return { version, ...(typeof json['Id'] === 'string' ? { id: json['Id'] } : {}), statements };
}

function readStatement(source: JsonObject): PolicyStatement {
  const { Effect: effect, Sid: sid } = source;
  if (effect === undefined) fault('Missing required field Effect');
  if (effect !== 'Allow' && effect !== 'Deny')
    return fault(`Invalid effect: ${typeof effect === 'string' ? effect : JSON.stringify(effect)}`);
  if (sid !== undefined && typeof sid !== 'string') fault(syntaxError);
  if (source['NotPrincipal'] !== undefined) {
    fault(
      effect === 'Allow'
        ? 'Allow with NotPrincipal is not allowed.'
        : 'AssumeRole policy must not contain NotPrincipal field.',
    );
  }
  const principal = readPrincipal(source['Principal']);
  const conditions = readConditions(source['Condition'], {
    syntax: syntaxError,
    value: syntaxError,
    colon: 'Condition can contain only one colon.',
    vendor: 'Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.',
  });
  const action = readPatternSet(source, 'Action', syntaxError);
  if (action === undefined || action.patterns.length === 0) return fault('Missing required field Action');
  if (action.patterns.some((pattern) => !/^sts:[^:]*$/i.test(pattern)))
    fault('AssumeRole policy may only specify STS AssumeRole actions.');
  if (source['Resource'] !== undefined) fault('Has prohibited field Resource');
  if (source['NotResource'] !== undefined) fault('AssumeRole policy must not contain resources.');
  for (const element of Object.keys(source)) {
    if (!elements.has(element)) fault(`Unknown field ${element}`);
  }
  return {
    ...(typeof sid === 'string' && sid !== '' ? { sid } : {}),
    effect,
    principal,
    action,
    conditions,
  };
}

function readPrincipal(source: unknown): PolicyPrincipal {
  if (source === undefined) return fault('Missing required field Principal');
  // IAM accepts "*" in other resource policies. In trust policies, it accepts only {"AWS": "*"}.
  if (source === '*') return fault('AssumeRolepolicy contained an invalid principal: "STAR":"*".');
  if (!isJsonObject(source)) return fault('Principal must be a JSON object.');
  const entries = Object.entries(source).flatMap(([type, values]) =>
    readStrings(values, syntaxError).map((value) => ({ type: readPrincipalType(type, value), value })),
  );
  if (entries.length === 0) fault('Missing required field Principal cannot be empty!');
  entries.forEach(checkPrincipal);
  return { kind: 'listed', entries };
}

function readPrincipalType(type: string, value: string): PrincipalType {
  return type === 'AWS' || type === 'Federated' || type === 'Service' ? type : invalid(type, value);
}

function checkPrincipal({ type, value }: { type: PrincipalType; value: string }): void {
  switch (type) {
    case 'AWS':
      if (!isAwsPrincipal(value)) invalid(type, value);
      return;
    case 'Service':
      if (!/^[a-z0-9-]+(?:\.[a-z0-9-]+)*\.(?:amazonaws\.com(?:\.cn)?|amazon\.com|aws\.internal)$/.test(value))
        invalid(type, value);
      return;
    case 'Federated':
      if (!isFederatedPrincipal(value))
        fault('Federated principals must be valid domain names or SAML metadata ARNs');
      return;
  }
}

/** Whether the value is valid as an AWS principal. Does not check whether the user or role exists. */
function isAwsPrincipal(value: string): boolean {
  return (
    value === '*' ||
    /^\d{12}$/.test(value) ||
    /^arn:aws[a-z-]*:iam::\d{12}:(?:root|(?:user|role)\/[\w+=,.@/-]+)$/.test(value) ||
    /^arn:aws[a-z-]*:sts::\d{12}:(?:assumed-role\/[\w+=,.@-]+|federated-user)\/[\w+=,.@-]+$/.test(value)
  );
}

function isFederatedPrincipal(value: string): boolean {
  return (
    /^arn:aws[a-z-]*:iam::\d{12}:(?:oidc-provider|saml-provider)\/\S+$/.test(value) ||
    /^(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}$/i.test(value)
  );
}

function invalid(type: string, value: string): never {
  return fault(`Invalid principal in policy: "${type.toUpperCase()}":"${value}"`);
}
