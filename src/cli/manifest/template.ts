/** Initial text of the editor: a manifest with as few values to fill in as possible. */
import { apiVersion } from '../../api/resources.ts';

const howTo = [
  '# Fill in what is missing, save and close. Lines that begin with # are not saved.',
  '# To cancel, close this file without a change, or delete all of its lines.',
];

const orTargets = (targets: readonly string[]): string =>
  targets.length > 0 ? targets.join(', ') : 'none yet; create one with kon target create NAME';

/** @param targets names of the cluster's targets, which a comment in the template lists */
export function accountTemplate(name: string, targets: readonly string[]): string {
  return `# The AWS permissions of the apps that name the account "${name}".
${howTo.join('\n')}
apiVersion: ${apiVersion}
kind: LinkedServiceAccount
metadata:
  name: ${name}
spec:
  aws:
    # The ARNs of IAM managed policies: of AWS, as below, or your own, as
    # arn:aws:iam::123456789012:policy/my-policy. To list them: aws iam list-policies
    policyArns:
      # - arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess

    # The same by name, which fits every AWS account. Delete policyArns if you list names only.
    # policyNames:
    #   - aws/AmazonS3ReadOnlyAccess
    #   - account/my-policy

    # The managed policy that is the role's permissions boundary.
    # permissionsBoundaryArn: arn:aws:iam::123456789012:policy/boundary

    # How pods get the role: IRSA or PodIdentity (default: as in the ClusterConfig).
    # identityMode: PodIdentity

  # Where apps may use the account (default: everywhere). Targets: ${orTargets(targets)}
  # targets:
  #   - ${targets[0] ?? 'production'}

  # What happens to the IAM role when the account is deleted: Delete or Retain.
  # deletionPolicy: Delete
`;
}

export function appTemplate(name: string, targets: readonly string[]): string {
  const listed = targets.length > 0 ? targets : ['production'];
  return `# The app "${name}": a program, where it runs, and the account whose AWS permissions its pods hold.
${howTo.join('\n')}
apiVersion: ${apiVersion}
kind: App
metadata:
  name: ${name}
spec:
  # The container image, and its tag.
  image:
  # imageTag: "1.0"

  # The account (kon account list) whose AWS permissions the pods hold (default: none).
  # serviceAccount: myaccount

  # What the container listens on.
  # ports:
  #   - name: http
  #     port: 8080

  # env:
  #   - name: LOG_LEVEL
  #     value: info

  # Where it runs. Targets: ${orTargets(targets)}
  targets:
${listed.map((target) => `    - name: ${target}`).join('\n')}
`;
}
