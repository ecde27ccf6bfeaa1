/**
 * Admission of Quarantines. RBAC decides who may create and who may delete Quarantines, and the schema refuses every
 * change. This policy ensures that `spec.requestedBy` names only the user who sends the request.
 */
import { quarantines } from '../api/index.ts';
import { admissionPolicy, matchRule, type AdmissionPolicy } from './admission-policy.ts';

export const quarantinePolicy: AdmissionPolicy = admissionPolicy('quarantine.k11n.dev', {
  matchConstraints: { resourceRules: [matchRule(['CREATE'], quarantines.group, [quarantines.plural])] },
  validations: [
    {
      expression: 'object.spec.?requestedBy.orValue(request.userInfo.username) == request.userInfo.username',
      message: 'spec.requestedBy must name the user who creates the Quarantine',
      messageExpression:
        "'spec.requestedBy is ' + object.spec.?requestedBy.orValue('') + ', but the user of this request is ' + request.userInfo.username + ': correct the field or omit it'",
      reason: 'Forbidden',
    },
  ],
});
