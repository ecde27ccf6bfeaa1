/** Parameters that many IAM actions share, with the constraints from the IAM API Reference. */
import type { Field } from '../wire/shape.ts';
import { integer, list, optional, structure, text } from '../wire/shape.ts';

const nameCharacters = '+=,.@_-';

export const roleName = text({ min: 1, max: 64, alphanumericAnd: nameCharacters });
export const policyName = text({ min: 1, max: 128, alphanumericAnd: nameCharacters });
export const instanceProfileName = text({ min: 1, max: 128, alphanumericAnd: nameCharacters });
export const arn = text({ min: 20, max: 2048 });
/** Latin-1 with tab and line breaks. Source: IAM API Reference, PolicyDocument. */
export const policyCharacters = {
  test: /^[\t\n\r\u0020-\u00ff]*$/,
  shown: String.raw`[\u0009\u000A\u000D\u0020-\u00FF]+`,
};
export const policyDocument = text({ min: 1, max: 131_072, pattern: policyCharacters });
export const descriptionText = text({
  max: 1000,
  pattern: {
    test: /^[\t\n\r\u0020-\u007e\u00a1-\u00ff]*$/,
    shown: String.raw`[\u0009\u000A\u000D\u0020-\u007E\u00A1-\u00FF]*`,
  },
});
export const description = optional(descriptionText);

/** Maximum session duration of a role, in seconds. */
export const maxSessionDuration = optional(integer({ min: 3600, max: 43_200 }));

export const path: Field<string> = (value, at, faults) => {
  if (value === undefined) return '/';
  const given = text({ min: 1, max: 512 })(value, at, faults);
  if (!/^\/(?:[!-~]+\/)?$/.test(given)) {
    faults.others.push(
      `The specified value for ${at} is invalid. It must begin and end with / and contain only alphanumeric characters and/or / characters.`,
    );
  }
  return given;
};

export const pathPrefix: Field<string> = (value, at, faults) =>
  value === undefined
    ? '/'
    : text({
        min: 1,
        max: 512,
        pattern: { test: /^\/[!-\u007f]*$/, shown: String.raw`\u002F[\u0021-\u007F]*` },
      })(value, at, faults);

const tagPattern = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u;
const tagKey = text({
  min: 1,
  max: 128,
  pattern: { test: tagPattern, shown: String.raw`[\p{L}\p{Z}\p{N}_.:/=+\-@]+` },
});
const tagValue = text({
  max: 256,
  pattern: { test: tagPattern, shown: String.raw`[\p{L}\p{Z}\p{N}_.:/=+\-@]*` },
});

export const tags = list(structure({ Key: tagKey, Value: tagValue }), { max: 50 });
export const tagKeys = list(tagKey, { max: 50 });

export const paging = {
  Marker: optional(text({ min: 1 })),
  MaxItems: optional(integer({ min: 1, max: 1000 })),
} as const;
