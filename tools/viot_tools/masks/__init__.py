"""Face masks: landmarks, templates drawn by code, the warp onto a face, pictures, videos, the tool and the command."""
