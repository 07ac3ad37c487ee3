"""Making faces and number plates in pictures and videos unrecognisable: ``face_redaction`` and ``viot redact``."""
