"""Faces: detection, recognition with calibrated thresholds, the analyzer that indexes them and the tool that asks.

``analyzer.FacesAnalyzer`` runs at ingest, ``tool.face_recognition`` at question time; importing this package loads
neither of them and no model.
"""
