"""EsoRadiomics in 3D Slicer: the module, its panel, its console interface and its test.

Only Qt wiring: what the panel does is in ``EsoRadiomicsLib/in_slicer/panel``, its widgets are in ``widgets`` beside it.
"""

import sys
from pathlib import Path

import slicer
from slicer.i18n import translate
from slicer.parameterNodeWrapper import parameterNodeWrapper
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)
from slicer.util import VTKObservationMixin

from EsoRadiomicsLib.in_slicer.language import tr as _
from EsoRadiomicsLib.in_slicer.language import translate_widgets
from EsoRadiomicsLib.in_slicer.widgets.cohort.cohort_choices import CohortChoices, ModelChoices
from EsoRadiomicsLib.in_slicer.widgets.reproducibility.agreement_choices import AgreementChoices

SAMPLE_FOLDER = (
    "https://raw.githubusercontent.com/theibsi/data_sets/6da96021bc91faf4c0cb7fd7fa56a4225d2064a8/"
    "ibsi_1_ct_radiomics_phantom/nifti"
)


class EsoRadiomics(ScriptedLoadableModule):
    """What Slicer's module list shows."""

    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        self.parent.title = "EsoRadiomics"
        self.parent.categories = [translate("qSlicerAbstractCoreModule", "Radiotherapy")]
        self.parent.contributors = ["EsoRadiomics contributors"]
        self.parent.helpText = _(
            "Published CT-radiomics studies of esophageal squamous-cell carcinoma: Rad-score, risk group and nomogram "
            "of a patient from the planning CT and its GTV. 1. Choose the CT and the GTV. 2. Choose the study and "
            "enter what is known of the patient. 3. Score. Research use only: not a medical device. "
            '<a href="https://github.com/EsoRadiomics/SlicerEsoRadiomics">Documentation</a>'
        )
        self.parent.acknowledgementText = _("Each study card names the publication that it comes from.")
        slicer.app.connect("startupCompleted()", registerSampleData)
        slicer.app.connect("startupCompleted()", registerLayouts)


def registerSampleData():
    """A lung-cancer CT with its GTV in the Sample Data module (IBSI CT phantom, CC BY-NC 3.0)."""
    import SampleData

    SampleData.SampleDataLogic.registerCustomSampleDataSource(
        category="EsoRadiomics",
        sampleName="IBSI CT phantom with GTV",
        uris=[f"{SAMPLE_FOLDER}/image/phantom.nii.gz", f"{SAMPLE_FOLDER}/mask/mask.nii.gz"],
        fileNames=["IBSI-CT-phantom.nii.gz", "IBSI-CT-phantom-GTV.nii.gz"],
        nodeNames=["IBSI CT phantom", "IBSI CT phantom GTV"],
        loadFileTypes=["VolumeFile", "SegmentationFile"],
        checksums=[
            "SHA256:909129fdf99d5f5fd17bc568b1834d31edce8663ea6746c6020720bfc1d7bbcb",
            "SHA256:0e9243e473b1255c60e6460df465d0b07b65436d6e0c691fe3d17bca0594ae78",
        ],
        thumbnailFileName=str(Path(__file__).parent / "Resources" / "Icons" / "EsoRadiomics.png"),
    )


def registerLayouts():
    """A scene that was saved in one of the module's layouts shows its views also before the module is opened."""
    from EsoRadiomicsLib.in_slicer.widgets.layout import register_layouts

    register_layouts()


@parameterNodeWrapper
class EsoRadiomicsParameterNode:
    """What the user chose; it comes back with a saved scene."""

    ct: slicer.vtkMRMLScalarVolumeNode
    gtv: slicer.vtkMRMLSegmentationNode
    gtvSegmentID: str
    preview: bool = False
    study: str
    covariates: dict[str, float]
    reference: str
    allFeatures: bool = False
    showLayout: bool = True
    agreement: AgreementChoices
    cohort: CohortChoices
    model: ModelChoices


class EsoRadiomicsWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """The panel. Its wiring is made once the Python packages that it needs are there."""

    def __init__(self, parent=None):
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.views = []
        self.waiting = None

    def setup(self):
        """Called when the module is first opened, and when it is reloaded."""
        ScriptedLoadableModuleWidget.setup(self)
        root = slicer.util.loadUI(self.resourcePath("UI/EsoRadiomics.ui"))
        translate_widgets(root)
        self.layout.addWidget(root)
        self.ui = slicer.util.childWidgetVariables(root)
        root.setMRMLScene(slicer.mrmlScene)
        self.ui.installButton.connect("clicked(bool)", self.onInstall)
        scene = slicer.mrmlScene
        self.addObserver(scene, scene.StartCloseEvent, self.onSceneStartClose)
        self.addObserver(scene, scene.EndCloseEvent, self.onSceneReplaced)
        self.addObserver(scene, scene.EndImportEvent, self.onSceneReplaced)
        self.checkPackages()
        if self.parent.isEntered:  # a reload, which does not call enter()
            self.openViews()

    def cleanup(self):
        """Called when the module is reloaded, and when Slicer ends."""
        self.removeObservers()
        self.onSceneStartClose()
        if self.waiting:
            self.waiting.close()

    def enter(self):
        """Called each time the module is opened."""
        self.checkPackages()
        self.openViews()

    def exit(self):
        """Called each time another module is opened."""
        for view in self.views:
            view.close()

    def onReload(self):
        """Reload the library with the module: forgotten modules are imported anew, in the right order."""
        for name in [name for name in sys.modules if name.partition(".")[0] == "EsoRadiomicsLib"]:
            del sys.modules[name]
        ScriptedLoadableModuleWidget.onReload(self)

    def onSceneStartClose(self, caller=None, event=None):
        for view in self.views:
            view.scene_closing()

    def onSceneReplaced(self, caller, event):
        if self.parent.isEntered:
            self.openViews()

    def openViews(self):
        if self.waiting:
            self.waiting.open()
        for view in self.views:
            view.open()

    def checkPackages(self, index=None):
        """Say what this Slicer lacks, for the study chosen too; wire the panel once it can work."""
        from EsoRadiomicsLib.in_slicer.widgets import dependencies

        missing = dependencies.missing_packages(self.requirements())
        own = None if missing else dependencies.engine_requirements(self.ui.studyCombo.currentData or "")
        ofStudy = dependencies.missing_packages(own) if own else {}
        sentences = [dependencies.packages_sentence(missing or ofStudy), dependencies.engine_sentence("")]
        self.ui.setupLabel.text = "\n\n".join(filter(None, sentences))
        self.ui.setupFrame.visible = any(sentences)
        self.ui.installButton.visible = bool(missing or ofStudy)
        patient = (self.ui.patientSection, self.ui.studySection, self.ui.scoreSection)
        for section in (*patient, self.ui.reproducibilitySection, self.ui.cohortSection):
            section.enabled = not missing
        if not missing and not self.views:
            from EsoRadiomicsLib.in_slicer.widgets.slicer_process import WaitingPython
            from EsoRadiomicsLib.in_slicer.widgets.views import make_views

            self.waiting = WaitingPython()
            self.views = make_views(self.ui, EsoRadiomicsLogic().getParameterNode, self.waiting)
            self.ui.studyCombo.connect("currentIndexChanged(int)", self.checkPackages)

    def requirements(self):
        return Path(self.resourcePath("requirements.txt"))

    def onInstall(self):
        """Install the missing packages; Slicer shows them and asks first."""
        from EsoRadiomicsLib.in_slicer.widgets import dependencies

        with slicer.util.tryWithErrorDisplay(_("The packages were not installed.")):
            for path in (self.requirements(), dependencies.engine_requirements(self.ui.studyCombo.currentData or "")):
                if path and (missing := dependencies.missing_packages(path)):
                    dependencies.install_packages(path, missing)
        self.enter()


class EsoRadiomicsLogic(ScriptedLoadableModuleLogic):
    """Scoring and reproducibility from the Python console."""

    def getParameterNode(self):
        return EsoRadiomicsParameterNode(super().getParameterNode())

    def score(self, volumeNode, segmentationNode, segment=None, *, study, covariates=None, reference=None, full=False):
        """Score one patient of the scene by one study.

        >>> from EsoRadiomics import EsoRadiomicsLogic
        >>> result = EsoRadiomicsLogic().score(
        ...     volumeNode, segmentationNode, "GTV", study="escc-lpfs-ccrt",
        ...     covariates={"N stage": 1, "CR status": 0}, reference="cohort.json")
        >>> result.score.rad_score, result.score.group, result.score.survival, result.warnings

        Args:
            volumeNode: vtkMRMLScalarVolumeNode with the CT.
            segmentationNode: vtkMRMLSegmentationNode or vtkMRMLLabelMapVolumeNode with the GTV.
            segment: name, ID or pattern of the segment, or the label; not needed where there is only one.
            study: identifier (``esoradiomics studies`` lists them) or path of a study card.
            covariates: clinical inputs by the card's names, as numbers or labels; what is left out gives bounds.
            reference: path of a reference cohort, for z-scored signatures.
            full: measure all features, not only the signature's.

        Returns:
            EsoRadiomicsLib.scoring.patient.PatientResult: case, the ROI's account, features, score and warnings;
            what the shell command and the library give, bit for bit.

        Raises:
            EsoRadiomicsLib.core.errors.EsoRadiomicsError: a sentence that says what is wrong and what to do.
        """
        from EsoRadiomicsLib.in_slicer import console

        given = {"study": study, "covariates": covariates, "reference": reference, "full": full}
        return console.score(volumeNode, segmentationNode, segment, **given)

    def robustness(self, volumeNode, segmentationNode, segment=None, **options):
        """Score one patient, and again under perturbations: ``EsoRadiomicsLib.in_slicer.console.robustness``.

        >>> result = EsoRadiomicsLogic().robustness(volumeNode, segmentationNode, "GTV", study="ln-response-crt")
        >>> result.robustness.interval, result.robustness.flip_share
        """
        from EsoRadiomicsLib.in_slicer import console

        return console.robustness(volumeNode, segmentationNode, segment, **options)

    def icc(self, readings, **options):
        """Which features of a study survive re-segmentation, by its rule: ``EsoRadiomicsLib.in_slicer.console.icc``.

        >>> readings = [("P1", volumeNode, segmentationNode, "GTV", "reader A", "1"), …]  # two or more a case
        >>> result = EsoRadiomicsLogic().icc(readings, study="escc-lpfs-ccrt")
        >>> result.table, result.kept.features, result.warnings
        """
        from EsoRadiomicsLib.in_slicer import console

        return console.icc(readings, **options)


class EsoRadiomicsTest(ScriptedLoadableModuleTest):
    """Scores a generated case; needs no network."""

    def setUp(self):
        slicer.mrmlScene.Clear()

    def runTest(self):
        self.setUp()
        self.test_a_generated_case_is_scored_from_its_nodes()

    def test_a_generated_case_is_scored_from_its_nodes(self):
        """The console's result is the library's, to the last bit."""
        import numpy as np
        import SimpleITK as sitk

        from EsoRadiomicsLib.imaging.case import make_case
        from EsoRadiomicsLib.scoring.patient import score_patient
        from EsoRadiomicsLib.studies.study import load_study

        z, y, x = np.mgrid[:16, :48, :48]
        tumour = ((x - 24) / 12) ** 2 + ((y - 24) / 10) ** 2 + ((z - 8) / 5) ** 2 < 1
        hu = np.where(tumour, 60, -100) + np.random.default_rng(0).normal(0, 20, tumour.shape)
        ct = slicer.util.addVolumeFromArray(hu.astype(np.int16), name="Generated CT")
        ct.SetSpacing(1, 1, 3)
        label = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode")
        slicer.util.updateVolumeFromArray(label, tumour.astype(np.uint8))
        label.CopyOrientation(ct)
        gtv = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Generated GTV")
        slicer.modules.segmentations.logic().ImportLabelmapToSegmentationNode(label, gtv)
        result = EsoRadiomicsLogic().score(ct, gtv, study="ln-response-crt")

        images = [sitk.GetImageFromArray(a) for a in (hu.astype(np.int16), tumour.astype(np.uint8))]
        for image in images:
            image.SetSpacing((1, 1, 3))
            image.SetDirection((-1, 0, 0, 0, -1, 0, 0, 0, 1))  # MRML counts in RAS, SimpleITK in LPS
        expected = score_patient(make_case(*images), load_study("ln-response-crt"))
        self.assertEqual(result.features.values, expected.features.values)
        self.assertEqual(result.score.rad_score, expected.score.rad_score)
        self.delayDisplay(f"Rad-score {result.score.rad_score:.4f}: passed")
