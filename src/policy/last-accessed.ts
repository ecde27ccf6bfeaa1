/**
 * Last accessed information of IAM: services and actions that a role attempted to use. It shows which actions were
 * certainly not used. An action about which IAM reports nothing may have been used. All functions are pure.
 * Source: IAM User Guide, "Refine permissions in AWS using last accessed information".
 */
/** Report about one service. IAM reports a service if a policy of the role allows one of its actions. */
export type ServiceLastAccessed = {
  /** Prefix of the service's actions in lower case, for example `sqs`. */
  readonly service: string;
  /** Time of the last attempt, in RFC 3339 format. Absent if there was no attempt in the tracking period. */
  readonly lastAccessed?: string;
  /**
   * Actions of the service that are tracked by IAM and were attempted by the role. Empty if IAM tracks no actions of
   * the service, or if the role attempted none of the tracked actions.
   */
  readonly actions: readonly { readonly name: string; readonly lastAccessed?: string }[];
};

/** Last accessed information about one role. */
export type RoleLastAccessed = readonly ServiceLastAccessed[];

/** Length of IAM's tracking period, in days. */
export const trackedDays = 400;

export type Usage = {
  /** Whether no role attempted the action. @param action with any case, for example `s3:PutObject` */
  readonly isUnused: (service: string, action: string) => boolean;
  /** Whether no role attempted any action of the service. */
  readonly isServiceUnused: (service: string) => boolean;
  /** Returns the names of the tracked actions of a service. */
  readonly trackedActions: (service: string) => readonly string[];
  /**
   * Time of the last attempt of any action, in RFC 3339 format. Undefined if there was no attempt in the tracking
   * period.
   */
  readonly lastAccessed: string | undefined;
};

/**
 * Actions whose use IAM might not report. For `iam:PassRole`, which is not an API call, this is documented. For all
 * other entries, it is an inference: these actions authorize connections to endpoints of a resource, which do not go
 * through the AWS API.
 */
const unreported: Readonly<Record<string, RegExp>> = {
  iam: /^passrole$/i,
  dsql: /^dbconnect/i,
  eks: /^accesskubernetesapi$/i,
  elasticache: /^connect$/i,
  es: /^eshttp/i,
  'execute-api': /^/,
  'kafka-cluster': /^/,
  lambda: /^invokefunctionurl$/i,
  memorydb: /^connect$/i,
  'neptune-db': /^/,
  'rds-db': /^/,
};

/**
 * Combines the reports about all roles of an account. An action counts as unused only if no report shows a use.
 * @param since time in milliseconds since the epoch; earlier use does not count
 */
export function usageSince(reports: readonly RoleLastAccessed[], since: number): Usage {
  const isBefore = (time: string | undefined): boolean => time === undefined || Date.parse(time) < since;
  const roles = reports.map(
    (report) =>
      new Map(
        report.map(({ service, lastAccessed, actions }) => [
          service,
          {
            isUnused: isBefore(lastAccessed) && actions.every((action) => isBefore(action.lastAccessed)),
            /** Whether each tracked action is unused. Keys are action names in lower case. */
            tracked: new Map(
              actions.map((action) => [action.name.toLowerCase(), isBefore(action.lastAccessed)]),
            ),
          },
        ]),
      ),
  );
  const everyRole = (
    service: string,
    holds: (of: { readonly isUnused: boolean; readonly tracked: ReadonlyMap<string, boolean> }) => boolean,
  ): boolean =>
    roles.length > 0 &&
    roles.every((role) => {
      const found = role.get(service);
      return found !== undefined && holds(found);
    });
  const byService = Map.groupBy(reports.flat(), ({ service }) => service);
  const times = reports
    .flat()
    .flatMap(({ lastAccessed, actions }) => [lastAccessed, ...actions.map((each) => each.lastAccessed)])
    .filter((time) => time !== undefined);
  return {
    isServiceUnused: (service) => everyRole(service, ({ isUnused }) => isUnused),
    isUnused: (service, action) =>
      unreported[service]?.test(action) !== true &&
      everyRole(service, ({ isUnused, tracked }) => isUnused || tracked.get(action.toLowerCase()) === true),
    trackedActions: (service) => [
      ...new Set((byService.get(service) ?? []).flatMap(({ actions }) => actions.map(({ name }) => name))),
    ],
    lastAccessed: times.toSorted((left, right) => Date.parse(left) - Date.parse(right)).at(-1),
  };
}
