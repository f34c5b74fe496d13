import { nodeAnnotation } from '../../lib/cni/node-annotation.ts';
import { nodeHost } from './host.ts';

process.exitCode = nodeAnnotation(nodeHost());
