// The list of all stage types: a new stage is one file and one line here.

import NeuralNet
import PipelineCore

/// All stage types of the executable.
public let allStages = StageRegistry(
  [
    AgreementStage.self,
    AttackStage.self,
    CalibrationStage.self,
    ClusterStage.self,
    CommandStage.self,
    CorrelationStage.self,
    DatamodelingStage.self,
    DifferencesStage.self,
    EffectStage.self,
    EvaluateStage.self,
    FactorsStage.self,
    FeaturesStage.self,
    ForgettingStage.self,
    GroupStage.self,
    ImportNetStage.self,
    InfluenceNormsStage.self,
    InfluenceStage.self,
    LoadImagesStage.self,
    LogisticEffectStage.self,
    LogisticErrorsStage.self,
    LogisticInfluenceStage.self,
    LogisticStage.self,
    MarginsStage.self,
    MatchStage.self,
    NeighboursStage.self,
    NormalityStage.self,
    PartSharesStage.self,
    PartsStage.self,
    PictureStage.self,
    RescaleStage.self,
    RetrainStage.self,
    SpectrumStage.self,
    TableStage.self,
    TrainStage.self,
    UnlearnStage.self,
  ], variant: KernelVariant.current.name)

extension StageRegistry {
  /// The declarations by name, for those who plan and never run.
  public var declarations: [String: StageDeclaration] { stages.mapValues { $0.declaration } }
}
