// Portkey's gateway listens on every address and has no setting for it. Loaded before it, this keeps it on 127.0.0.1.
'use strict';
const { Server } = require('node:net');

const listen = Server.prototype.listen;
const HOST = '127.0.0.1';

Server.prototype.listen = function onLoopback(where, ...rest) {
  if (where !== null && typeof where === 'object') return listen.call(this, { ...where, host: HOST }, ...rest);
  // listen(port[, host][, backlog][, callback])
  if (rest.length > 0 && (typeof rest[0] === 'string' || rest[0] === undefined)) rest.shift();
  return listen.call(this, where, HOST, ...rest);
};
