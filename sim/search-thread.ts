/** One thread of a search: see `searchInThreads`. */
import { parentPort, workerData } from 'node:worker_threads';
import { type Search, searchPart } from './search.ts';

const tally = searchPart(workerData as Search, (failure) => parentPort?.postMessage({ failure }));
parentPort?.postMessage({ tally });
