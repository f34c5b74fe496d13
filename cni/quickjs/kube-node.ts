import * as std from 'qjs:std';
import { kubeNode } from '../../lib/cni/kube-node.ts';
import { quickjsHost } from './host.ts';

std.exit(kubeNode(quickjsHost()));
