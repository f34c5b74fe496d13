/** What `check` finds about single objects beyond the rules that their hooks have. */

import { type Finding, kubectl, namespacesOf } from '../inspect/check/finding.ts';
import type { KubernetesObject } from '../kubernetes/object.ts';
import { titleOf } from '../kubernetes/object.ts';
import { formatProblem, type Problem } from '../kubernetes/problem.ts';
import type { CustomResources } from '../kubernetes/schema.ts';
import { nearest } from '../text.ts';
import { isMalformed, validateObject } from '../validation/index.ts';
import { type Warning, warningsOf } from '../validation/warnings.ts';

/**
 * Claims of pools that nobody serves, misspelt labels and annotations, and, as files may hold what no API server
 * has seen, what it would refuse.
 *
 * @param known what has been found already: of an object that is invalid nothing more is said
 */
export function objectFindings(
  objects: readonly KubernetesObject[],
  known: readonly Finding[],
  resources: CustomResources,
  isOfFiles: boolean,
): Finding[] {
  const invalid = new Set(
    known.filter(({ check }) => check === 'invalid-object').map(({ object }) => object),
  );
  return objects.flatMap((object): Finding[] => {
    const title = titleOf(object);
    const about = { object: title, namespaces: namespacesOf(object.metadata) };
    if (invalid.has(title)) return [];
    const problems = isOfFiles ? validateObject(object, resources).filter(isToSay(object, resources)) : [];
    if (problems.length > 0) {
      const message = problems.map(formatProblem).join('; ');
      return [
        { check: 'invalid-object', severity: 'error', ...about, message, fix: kubectl('edit', object) },
      ];
    }
    return warningsOf(object, resources)
      .filter((warning) => warning.rule === 'unknown-key' || isMisspeltPool(warning, resources))
      .map(({ rule, field, value, message, fix }) => ({
        check: rule === 'unserved-pool' ? 'missing-pool' : 'invalid-object',
        severity: 'warning',
        ...about,
        message:
          value === undefined ? `${field} ${message}` : `${field}: ${JSON.stringify(value)} ${message}`,
        fix: `${kubectl('edit', object)}${fix === undefined ? '' : `  # ${fix}`}`,
      }));
  });
}

/** A status is not written by hand, and of no interest unless nothing can be made of it. */
function isToSay(object: KubernetesObject, resources: CustomResources): (problem: Problem) => boolean {
  return ({ field }) => !/^status\b/.test(field) || isMalformed(object, resources);
}

/** Other providers have kinds of pools in the same group, which are none of metaipam's business. */
function isMisspeltPool({ rule, value }: Warning, { all }: CustomResources): boolean {
  const pools = all.map(({ kind }) => kind).filter((kind) => kind.endsWith('Pool'));
  return rule === 'unserved-pool' && nearest(String(value), pools) !== undefined;
}
