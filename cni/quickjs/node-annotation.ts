import * as std from 'qjs:std';
import { nodeAnnotation } from '../../lib/cni/node-annotation.ts';
import { quickjsHost } from './host.ts';

std.exit(nodeAnnotation(quickjsHost()));
