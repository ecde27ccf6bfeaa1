/** Assignment of targets to the roles of an account. */

/**
 * Assigns targets to the roles of an account. One role is sufficient until its trust policy would exceed the quota of the AWS
 * account. Further roles serve the remaining targets. A target that has a role keeps it, because its pods would have to be
 * replaced to get another role.
 *
 * @param targets entries of a trust policy, each a target with the identity mode of its pods
 * @param previous current role index of each target, if any
 * @param fits whether one trust policy can hold these entries
 * @returns entries of each role by index; the first role always exists
 */
export function assignTargets(
  targets: readonly string[],
  previous: ReadonlyMap<string, number>,
  fits: (targets: readonly string[]) => boolean,
): ReadonlyMap<number, readonly string[]> {
  const roles = new Map<number, string[]>([[1, []]]);
  const unassigned: string[] = [];
  for (const target of [...targets].sort()) {
    const index = previous.get(target);
    const members = index === undefined ? undefined : (roles.get(index) ?? []);
    if (index !== undefined && members && fits([...members, target])) {
      members.push(target);
      roles.set(index, members);
    } else {
      unassigned.push(target);
    }
  }
  for (const target of unassigned) {
    let index = 1;
    // A target that does not fit even into an empty trust policy is assigned to an empty role anyway, so that IAM reports the
    // error.
    while (roles.get(index)?.length && !fits([...(roles.get(index) ?? []), target])) index += 1;
    roles.set(index, [...(roles.get(index) ?? []), target]);
  }
  return new Map(
    [...roles.entries()].sort(([a], [b]) => a - b).map(([index, members]) => [index, members.sort()]),
  );
}
