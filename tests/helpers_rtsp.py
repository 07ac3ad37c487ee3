"""A real RTSP server on loopback for the tests: GStreamer's, from Debian. Run by the system's Python, which has its
bindings: ``/usr/bin/python3 helpers_rtsp.py [FILE.mp4 [PORT]]``.

Prints ``ready PORT``; then takes lines on its input: ``size W H`` changes the picture in the middle of a session. The
picture is a moving ball, or an MP4 file played once for each client. Not a test module.
"""

import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402

BALL = (
    "( videotestsrc is-live=true pattern=ball ! video/x-raw,format=I420,width=320,height=240,framerate=10/1 "
    "! videoscale ! capsfilter name=size caps=video/x-raw,width=320,height=240 "
    "! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=10 threads=1 "
    "! rtph264pay name=pay0 pt=96 config-interval=-1 )"
)
FILE = "( filesrc location={} ! qtdemux ! h264parse ! rtph264pay name=pay0 pt=96 config-interval=-1 )"


def main() -> None:
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(sys.argv[2] if len(sys.argv) > 2 else "0")
    factory = GstRtspServer.RTSPMediaFactory()
    path = sys.argv[1] if len(sys.argv) > 1 else ""
    factory.set_shared(not path)
    factory.set_launch(FILE.format(path) if path else BALL)
    size, media = [], []

    def resize():
        if size and media:
            caps = Gst.Caps.from_string(f"video/x-raw,width={size[0]},height={size[1]}")
            media[-1].get_element().get_by_name("size").set_property("caps", caps)

    def configured(_, made):
        # the picture is made anew when the last client has gone: it keeps the size that was asked for
        media.append(made)
        resize()

    factory.connect("media-configure", configured)
    server.get_mount_points().add_factory("/cam", factory)
    server.attach(None)

    def command(channel, condition):
        words = channel.readline().split()
        if words[:1] == ["size"]:
            size[:] = words[1:]
            resize()
        return bool(words)

    GLib.io_add_watch(sys.stdin, GLib.IO_IN, command)
    print(f"ready {server.get_bound_port()}", flush=True)
    GLib.MainLoop().run()


if __name__ == "__main__":
    main()
