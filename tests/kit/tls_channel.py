# SPDX-License-Identifier: Apache-2.0
"""TLS over a socket by the system's own OpenSSL, for what Python's ssl module does not have: the exporter (RFC 8446, section 7.5), the
chain of a peer whom nobody verified, sessions by hand. A Channel looks like a socket: recv, sendall, close."""

import ctypes
import ctypes.util
import socket
import struct
import time

TLS_1_2, TLS_1_3 = 0x0303, 0x0304
_FILETYPE_PEM = 1
_WANT_READ, _WANT_WRITE, _ZERO_RETURN = 2, 3, 6
_NOACK = 3

_ssl = ctypes.CDLL(ctypes.util.find_library("ssl") or "libssl.so.3")
_crypto = ctypes.CDLL(ctypes.util.find_library("crypto") or "libcrypto.so.3")
_p, _i, _s = ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p


def _declare(library, result, name, *arguments):
    function = getattr(library, name)
    function.restype, function.argtypes = result, list(arguments)
    return function


_VERIFY = ctypes.CFUNCTYPE(_i, _i, _p)
_ALPN = ctypes.CFUNCTYPE(_i, _p, ctypes.POINTER(_p), ctypes.POINTER(ctypes.c_ubyte), _p, ctypes.c_uint, _p)
_method = _declare(_ssl, _p, "TLS_method")
_ctx_new = _declare(_ssl, _p, "SSL_CTX_new", _p)
_ctx_free = _declare(_ssl, None, "SSL_CTX_free", _p)
_ctx_ctrl = _declare(_ssl, ctypes.c_long, "SSL_CTX_ctrl", _p, _i, ctypes.c_long, _p)
_ctx_verify = _declare(_ssl, None, "SSL_CTX_set_verify", _p, _i, _VERIFY)
_ctx_chain = _declare(_ssl, _i, "SSL_CTX_use_certificate_chain_file", _p, _s)
_ctx_key = _declare(_ssl, _i, "SSL_CTX_use_PrivateKey_file", _p, _s, _i)
_ctx_alpn = _declare(_ssl, _i, "SSL_CTX_set_alpn_protos", _p, _s, ctypes.c_uint)
_ctx_choose = _declare(_ssl, None, "SSL_CTX_set_alpn_select_cb", _p, _ALPN, _p)
_tickets = _declare(_ssl, _i, "SSL_CTX_set_num_tickets", _p, ctypes.c_size_t)
_new = _declare(_ssl, _p, "SSL_new", _p)
_free = _declare(_ssl, None, "SSL_free", _p)
_set_fd = _declare(_ssl, _i, "SSL_set_fd", _p, _i)
_ctrl = _declare(_ssl, ctypes.c_long, "SSL_ctrl", _p, _i, ctypes.c_long, _s)
_connect = _declare(_ssl, _i, "SSL_connect", _p)
_accept = _declare(_ssl, _i, "SSL_accept", _p)
_read = _declare(_ssl, _i, "SSL_read", _p, _s, _i)
_write = _declare(_ssl, _i, "SSL_write", _p, _s, _i)
_shutdown = _declare(_ssl, _i, "SSL_shutdown", _p)
_get_error = _declare(_ssl, _i, "SSL_get_error", _p, _i)
_version = _declare(_ssl, _i, "SSL_version", _p)
_export = _declare(_ssl, _i, "SSL_export_keying_material", _p, _s, ctypes.c_size_t, _s, ctypes.c_size_t, _s, ctypes.c_size_t, _i)
_peer = _declare(_ssl, _p, "SSL_get1_peer_certificate", _p)
_peer_chain = _declare(_ssl, _p, "SSL_get_peer_cert_chain", _p)
_session = _declare(_ssl, _p, "SSL_get1_session", _p)
_set_session = _declare(_ssl, _i, "SSL_set_session", _p, _p)
_session_free = _declare(_ssl, None, "SSL_SESSION_free", _p)
_reused = _declare(_ssl, _i, "SSL_session_reused", _p)
_i2d = _declare(_crypto, _i, "i2d_X509", _p, _p)
_x509_free = _declare(_crypto, None, "X509_free", _p)
_sk_num = _declare(_crypto, _i, "OPENSSL_sk_num", _p)
_sk_value = _declare(_crypto, _p, "OPENSSL_sk_value", _p, _i)
_err_get = _declare(_crypto, ctypes.c_ulong, "ERR_get_error")
_err_clear = _declare(_crypto, None, "ERR_clear_error")
_err_text = _declare(_crypto, _s, "ERR_reason_error_string", ctypes.c_ulong)


class TlsError(ConnectionError):
    """A handshake, or what came after it, was refused; the text is OpenSSL's (an alert of the peer has "alert" in it)."""


_take_all = _VERIFY(lambda is_good, context: 1)


class Context:
    """Certificate chain and key are files in PEM. The peer's certificate is asked for, and never judged here."""

    def __init__(self, chain_path=None, key_path=None, *, is_server=False, alpn=b"causeway/1", low=TLS_1_3, high=TLS_1_3):
        self._context = _ctx_new(_method())
        for command, version in ((123, low), (124, high)):
            _ctx_ctrl(self._context, command, version, None)
        _ctx_verify(self._context, 3 if is_server else 1, _take_all)
        if chain_path is not None:
            _check(_ctx_chain(self._context, str(chain_path).encode()))
            _check(_ctx_key(self._context, str(key_path).encode(), _FILETYPE_PEM))
        self.is_server, self._alpn = is_server, alpn
        if is_server:
            _tickets(self._context, 0)  # with a session the peer's chain would have to be kept
            self._chosen = ctypes.create_string_buffer(alpn or b"")
            self._choose = _ALPN(self._select)
            _ctx_choose(self._context, self._choose, None)
        elif alpn:
            _ctx_alpn(self._context, bytes([len(alpn)]) + alpn, len(alpn) + 1)

    def _select(self, _, out, out_size, offered, size, __):
        if self._alpn not in ctypes.string_at(offered, size):
            return _NOACK
        out[0] = ctypes.cast(self._chosen, _p).value
        out_size[0] = len(self._alpn)
        return 0

    def wrap(self, sock, *, name=None, session=None, seconds=10):
        """The handshake. Closes the socket if that fails. session: of Channel.session."""
        return Channel(self, sock, name, session, seconds)

    @property
    def handle(self):
        return self._context

    def __del__(self):
        if getattr(self, "_context", None):
            _ctx_free(self._context)
            self._context = None


class Session:
    def __init__(self, handle):
        self.handle = handle

    def __del__(self):
        _session_free(self.handle)


class Channel:
    def __init__(self, context, sock, name, session, seconds):
        self._context, self.sock = context, sock
        self.settimeout(seconds)
        self._ssl = _new(context.handle)
        _set_fd(self._ssl, sock.fileno())
        if name:
            _ctrl(self._ssl, 55, 0, name.encode())
        if session is not None:
            _set_session(self._ssl, session.handle)
        try:
            self._do(_accept if context.is_server else _connect)
        except OSError:
            self.close()
            raise
        self.resumed = bool(_reused(self._ssl))

    def settimeout(self, seconds):
        """Blocking at the socket: a time without a byte ends in socket.timeout."""
        self.sock.setblocking(True)
        whole = int(seconds or 0)
        value = struct.pack("ll", whole, int(((seconds or 0) - whole) * 1000000))
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, value)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, value)
        self._seconds = seconds

    def gettimeout(self):
        return self._seconds

    def _do(self, function, *arguments):
        if self._ssl is None:
            raise TlsError("closed")
        _err_clear()
        result = function(self._ssl, *arguments)
        if result > 0:
            return result
        code = _get_error(self._ssl, result)
        if code == _ZERO_RETURN:
            return 0
        if code in (_WANT_READ, _WANT_WRITE):
            raise socket.timeout("nothing came in time")
        reason = _err_get()
        text = _err_text(reason) if reason else None
        raise TlsError(text.decode() if text else "the connection was cut")

    def recv(self, size) -> bytes:
        buffer = ctypes.create_string_buffer(min(size, 65536))
        try:
            size = self._do(_read, buffer, len(buffer))
            return buffer.raw[:size]
        except TlsError as error:
            if "unexpected eof" in str(error):  # no close_notify
                return b""
            raise

    def sendall(self, data):
        while data:
            data = data[self._do(_write, bytes(data[:65536]), min(len(data), 65536)):]

    def export(self, label, size=32) -> bytes:
        out = ctypes.create_string_buffer(size)
        _check(_export(self._ssl, out, size, label, len(label), None, 0, 0))
        return out.raw

    def peer_chain(self) -> list:
        """DER; the peer's own certificate first."""
        leaf = _peer(self._ssl)
        if not leaf:
            return []
        chain = [_der(leaf)]
        _x509_free(leaf)
        others = _peer_chain(self._ssl)
        for at in range(_sk_num(others) if others else 0):
            der = _der(_sk_value(others, at))
            if der not in chain:
                chain.append(der)
        return chain

    def session(self) -> Session:
        """To be resumed. With TLS 1.3 there is one once something was read."""
        return Session(_session(self._ssl))

    def version(self) -> int:
        return _version(self._ssl)

    def is_cut(self, seconds) -> bool:
        """Does the other side end it within that time, whatever it says before?"""
        end = time.monotonic() + seconds
        try:
            while (left := end - time.monotonic()) > 0:
                self.settimeout(left)
                if not self.recv(4096):
                    return True
        except socket.timeout:
            pass
        except ConnectionError:
            return True
        return False

    def close(self):
        if self._ssl is not None:
            _err_clear()
            _shutdown(self._ssl)
            _free(self._ssl)
            self._ssl = None
        self.sock.close()


def _der(certificate) -> bytes:
    size = _i2d(certificate, None)
    out = ctypes.create_string_buffer(size)
    _i2d(certificate, ctypes.byref(ctypes.c_void_p(ctypes.addressof(out))))
    return out.raw


def _check(result):
    if result != 1:
        raise TlsError((_err_text(_err_get()) or b"OpenSSL said no").decode())
