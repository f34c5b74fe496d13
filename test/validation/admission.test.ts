/** Whether `validate` and an API server with the CRDs judge new objects alike. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { CustomResources, readCustomResourceDefinitions } from '../../lib/kubernetes/schema.ts';
import { validateObject } from '../../lib/validation/index.ts';
import { formatProblem } from '../../lib/validation/problem.ts';
import { admissionCases } from '../crds/admission-cases.ts';

const resources = new CustomResources(readCustomResourceDefinitions());

for (const { id, object, newSpec, refused } of admissionCases) {
  // The object of an update was created before.
  const isRefused = newSpec === undefined && refused !== undefined;
  test(`${id} is ${isRefused ? 'refused' : 'accepted'}`, () => {
    const problems = validateObject(object, resources).map(formatProblem);
    assert.is(problems.length > 0, isRefused, problems.join('\n'));
  });
}

test.run();
